//! What comes back to a mail of ours: a person's answer with the mail quoted under it, as clients make it, and what
//! machines send.

use data_encoding::BASE64;

use crate::Mail;

/// How a body is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// As it is.
    SevenBit,
    /// Quoted-printable, soft breaks and all.
    QuotedPrintable,
    /// Base64 in lines of 76.
    Base64,
}

/// Which parts there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `text/plain`
    Text,
    /// `text/html` alone, the quote in a `blockquote`.
    Html,
    /// Both, `multipart/alternative`.
    Both,
}

/// An answer to a mail: top-posted, the mail quoted whole.
#[derive(Clone, Debug)]
pub struct Answer {
    says: String,
    from: String,
    to: String,
    subject: String,
    refers: Option<String>,
    quote: Option<(String, String)>,
    shape: Shape,
    encoding: Encoding,
    headers: Vec<(String, String)>,
    id: String,
}

impl Answer {
    /// From the mail's recipient to its `Reply-To`, in its thread.
    pub fn to(mail: &Mail, says: &str) -> Self {
        Self {
            says: says.to_owned(),
            from: mail.to.clone(),
            to: mail.reply_to(),
            subject: format!("Re: {}", mail.subject()),
            refers: Some(mail.message_id()),
            quote: Some((mail.text(), mail.html())),
            shape: Shape::Text,
            encoding: Encoding::SevenBit,
            headers: Vec::new(),
            id: format!("{}.{}@mail.example", std::process::id(), NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
        }
    }

    /// Sent to another address.
    pub fn sent_to(mut self, address: &str) -> Self {
        address.clone_into(&mut self.to);
        self
    }

    /// From another address.
    pub fn from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.from);
        self
    }

    /// Refers to this id; `None`: to nothing.
    pub fn refers(mut self, id: Option<&str>) -> Self {
        self.refers = id.map(str::to_owned);
        self
    }

    /// Quotes nothing.
    pub fn unquoted(mut self) -> Self {
        self.quote = None;
        self
    }

    /// To no tag, in no thread, without a quote, with this subject: only `From` tells who writes.
    pub fn bare(self, to: &str, subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..self.sent_to(to).refers(None).unquoted() }
    }

    /// In other parts.
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// In another encoding.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// With a header field before all others.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another subject.
    pub fn subject(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }

    /// The message.
    pub fn build(&self) -> Vec<u8> {
        let mut head = String::new();
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!(
            "From: Ann Other <{}>\r\nTo: {}\r\nSubject: {}\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{}>\r\nMIME-Version: 1.0\r\n",
            self.from, self.to, self.subject, self.id
        ));
        if let Some(id) = &self.refers {
            head.push_str(&format!("In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n"));
        }
        let body = match self.shape {
            Shape::Text => part("text/plain", &self.text(), self.encoding),
            Shape::Html => part("text/html", &self.html(), self.encoding),
            Shape::Both => format!(
                "Content-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n--b1\r\n{}\r\n--b1\r\n{}\r\n--b1--\r\n",
                part("text/plain", &self.text(), self.encoding),
                part("text/html", &self.html(), self.encoding)
            ),
        };
        format!("{head}{body}").into_bytes()
    }

    fn text(&self) -> String {
        let Some((text, _)) = &self.quote else { return format!("{}\r\n", self.says) };
        let quoted: String = text.lines().map(|line| format!("> {line}\r\n")).collect();
        format!("{}\r\n\r\nOn Mon, 23 Nov 2026 at 09:58, Example shop <no-reply@shop.example> wrote:\r\n\r\n{quoted}", self.says)
    }

    fn html(&self) -> String {
        let quote = self.quote.as_ref().map_or(String::new(), |(_, html)| {
            format!(
                "<div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Mon, 23 Nov 2026 at 09:58, Example shop \
                 &lt;no-reply@shop.example&gt; wrote:<br></div><blockquote class=\"gmail_quote\">{html}</blockquote></div>"
            )
        });
        format!("<html><body><div dir=\"ltr\">{}</div>\r\n{quote}</body></html>\r\n", self.says)
    }
}

static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

fn part(kind: &str, text: &str, encoding: Encoding) -> String {
    let (name, body) = match encoding {
        Encoding::SevenBit => ("8bit", text.to_owned()),
        Encoding::QuotedPrintable => ("quoted-printable", quoted_printable(text)),
        Encoding::Base64 => ("base64", base64_lines(text.as_bytes())),
    };
    format!("Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: {name}\r\n\r\n{body}")
}

fn base64_lines(bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    text.as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect()
}

/// Lines of at most 70 characters, so that every link is torn by a soft break.
fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        for byte in line.bytes() {
            let token = if byte == b'=' || !(32..127).contains(&byte) { format!("={byte:02X}") } else { char::from(byte).to_string() };
            if column + token.len() > 70 {
                out.push_str("=\r\n");
                column = 0;
            }
            column += token.len();
            out.push_str(&token);
        }
        out.push_str("\r\n");
    }
    out
}

/// A delivery report (RFC 3464) about a mail, the mail inside it whole; to its envelope sender.
pub fn bounce(mail: &Mail, action: &str, status: &str, diagnostic: &str) -> Vec<u8> {
    let original = String::from_utf8_lossy(&mail.raw);
    report(
        &mail.from,
        "delivery-status",
        &format!(
            "Content-Type: text/plain\r\n\r\nThis is the mail system at mx.mail.example. The message for <{to}>: {diagnostic}\r\n\
             --r1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.mail.example\r\n\r\n\
             Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n\r\n\
             --r1\r\nContent-Type: message/rfc822\r\n\r\n{original}\r\n",
            to = mail.to
        ),
    )
}

/// A complaint (RFC 5965): the person pressed "this is spam".
pub fn complaint(mail: &Mail) -> Vec<u8> {
    let original = String::from_utf8_lossy(&mail.raw);
    report(
        &mail.from,
        "feedback-report",
        &format!(
            "Content-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n--r1\r\nContent-Type: message/feedback-report\r\n\r\n\
             Feedback-Type: abuse\r\nUser-Agent: mail.example/1\r\nVersion: 1\r\nOriginal-Rcpt-To: <{}>\r\n\r\n\
             --r1\r\nContent-Type: message/rfc822\r\n\r\n{original}\r\n",
            mail.to
        ),
    )
}

fn report(to: &str, kind: &str, parts: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\r\nFrom: Mail Delivery System <mailer-daemon@mx.mail.example>\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{}.report@mx.mail.example>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type={kind}; boundary=\"r1\"\r\n\r\n--r1\r\n{parts}--r1--\r\n",
        NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    )
    .into_bytes()
}
