//! What is said in an SMTP (RFC 5321) or LMTP (RFC 2033) session, without any input or output: a command line in, a reply
//! out. Commands are read by smtp-proto.

use smtp_proto::{Error as Syntax, MAIL_BODY_BINARYMIME, MAIL_REQUIRETLS, MailFrom, Request};

/// Recipients of one message; the peer sends the others again (RFC 5321 §4.5.3.1.8 asks for 100).
const RECIPIENTS_MAX: usize = 100;
/// Wrong commands before the peer is shown the door.
const ERRORS_MAX: u32 = 20;
/// Commands between two messages before the peer is shown the door.
const COMMANDS_MAX: u32 = 1000;
/// Messages of one session before the peer is asked to dial again.
const MESSAGES_MAX: u32 = 1000;

/// Which of the two protocols a session speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// From the MTA on this host: trusted with what it says of a message.
    Lmtp,
    /// From anybody.
    Smtp,
}

impl Dialect {
    /// The name of the source, and of the events in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lmtp => "lmtp",
            Self::Smtp => "smtp",
        }
    }
}

/// What a session goes by.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Which protocol.
    pub dialect: Dialect,
    /// The name that the greeting gives.
    pub hostname: String,
    /// The largest message, octets; announced.
    pub max_size: usize,
    /// Whether STARTTLS is offered (before TLS).
    pub starttls: bool,
}

/// Where a session is.
pub(super) struct Dialogue {
    terms: Terms,
    greeted: Option<String>,
    secured: bool,
    sender: Option<String>,
    recipients: Vec<String>,
    /// A message is coming in chunks (RFC 3030).
    chunking: bool,
    errors: u32,
    commands: u32,
    messages: u32,
}

/// What to do after a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Say this and listen on.
    Say(String),
    /// Say 354 and take a message.
    Message,
    /// Take a chunk of the message, or read over it and say why it is refused.
    Chunk(Chunk),
    /// Say 220 and shake hands (RFC 3207).
    StartTls,
    /// Say this and hang up.
    End(String),
}

/// A chunk that follows (RFC 3030 §2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub size: usize,
    pub last: bool,
    pub refused: Option<&'static str>,
}

/// Sender and recipients of the message that comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub mail_from: String,
    pub rcpt_to: Vec<String>,
    /// The name that the peer gave for itself.
    pub helo: String,
}

impl Dialogue {
    /// At the start.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            greeted: None,
            secured: false,
            sender: None,
            recipients: Vec::new(),
            chunking: false,
            errors: 0,
            commands: 0,
            messages: 0,
        }
    }

    /// One line with its end.
    pub fn command(&mut self, line: &[u8], accepts: impl Fn(&str) -> bool) -> Next {
        self.commands += 1;
        if self.commands > COMMANDS_MAX {
            return Next::End("421 4.7.0 too many commands".to_owned());
        }
        // RFC 5321 §2.3.8: a lone LF ends nothing. Whoever sends one may be smuggling (CVE-2023-51764).
        if self.terms.dialect == Dialect::Smtp && !line.ends_with(b"\r\n") {
            return Next::End("521 5.5.2 a line ends with CR LF".to_owned());
        }
        // The one name without a domain that everybody must take (RFC 5321 §4.5.1); the parser wants a domain.
        if is_postmaster(line) {
            return match self.rcpt("postmaster", accepts) {
                Ok(reply) => Next::Say(reply),
                Err(reply) => self.wrong(reply),
            };
        }
        let said = match Request::parse(&mut line.iter()) {
            Ok(Request::Data) if self.may_send() && !self.chunking => return Next::Message,
            Ok(Request::Bdat { chunk_size, is_last }) => return self.bdat(chunk_size, is_last),
            Ok(Request::StartTls) if self.offers_tls() => return Next::StartTls,
            Ok(Request::Quit) => return Next::End("221 2.0.0 bye".to_owned()),
            Ok(request) => self.request(request, accepts),
            // How many octets follow can't be known, and they must not be taken for commands.
            Err(_) if line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"BDAT")) => {
                return Next::End("501 5.5.4 BDAT SIZE [LAST]".to_owned());
            }
            Err(error) => Err(said_wrong(&error)),
        };
        match said {
            Ok(reply) => Next::Say(reply),
            Err(reply) => self.wrong(reply),
        }
    }

    /// A line that was too long to be read.
    pub fn too_long(&mut self) -> Next {
        self.wrong("500 5.5.2 the line is too long")
    }

    /// What the peer did wrong outside a command; the session goes on unless it did so too often.
    pub fn wrong(&mut self, reply: &str) -> Next {
        self.errors += 1;
        if self.errors > ERRORS_MAX { Next::End("421 4.7.0 too many errors".to_owned()) } else { Next::Say(reply.to_owned()) }
    }

    /// The message's envelope; the next one starts anew.
    pub fn take_envelope(&mut self) -> Envelope {
        self.commands = 0;
        self.messages += 1;
        self.chunking = false;
        Envelope {
            mail_from: self.sender.take().unwrap_or_default(),
            rcpt_to: std::mem::take(&mut self.recipients),
            helo: self.greeted.clone().unwrap_or_default(),
        }
    }

    /// How many replies a finished message gets (RFC 2033 §4.2: in LMTP one for each recipient).
    pub fn replies(&self, recipients: usize) -> usize {
        match self.terms.dialect {
            Dialect::Lmtp => recipients,
            Dialect::Smtp => 1,
        }
    }

    /// Whether a message is coming in chunks; if not any more, what came of it is to be forgotten.
    pub fn chunking(&self) -> bool {
        self.chunking
    }

    /// After the handshake nothing that was said before counts (RFC 3207 §4.2).
    pub fn secured(&mut self) {
        self.secured = true;
        self.greeted = None;
        self.reset();
    }

    fn may_send(&self) -> bool {
        self.sender.is_some() && !self.recipients.is_empty()
    }

    fn offers_tls(&self) -> bool {
        self.terms.starttls && !self.secured && self.terms.dialect == Dialect::Smtp
    }

    /// The chunk follows whatever is answered, so it must be read over where it is refused (RFC 3030 §2).
    fn bdat(&mut self, size: usize, last: bool) -> Next {
        if size > self.terms.max_size.saturating_mul(2) {
            return Next::End("552 5.3.4 the message is too large".to_owned());
        }
        let refused = if self.may_send() { None } else { Some("503 5.5.1 MAIL and RCPT first") };
        if refused.is_none() {
            self.chunking = true;
        }
        Next::Chunk(Chunk { size, last, refused })
    }

    fn request<T: AsRef<str> + std::fmt::Display + PartialEq>(
        &mut self,
        request: Request<T>,
        accepts: impl Fn(&str) -> bool,
    ) -> Result<String, &'static str> {
        let ok = |text: &str| Ok(text.to_owned());
        match (request, self.terms.dialect) {
            (Request::Lhlo { host }, Dialect::Lmtp) | (Request::Ehlo { host }, Dialect::Smtp) => {
                self.greet(host.as_ref());
                Ok(self.offers())
            }
            (Request::Helo { host }, Dialect::Smtp) => {
                self.greet(host.as_ref());
                Ok(format!("250 {}", self.terms.hostname))
            }
            // RFC 2033 §4.1: HELO and EHLO must not be answered as SMTP would.
            (Request::Helo { .. } | Request::Ehlo { .. }, Dialect::Lmtp) => Err("500 5.5.1 this is LMTP: say LHLO"),
            (Request::Lhlo { .. }, Dialect::Smtp) => Err("500 5.5.1 this is SMTP: say EHLO"),
            (Request::Mail { from }, _) => self.mail(from),
            (Request::Rcpt { to }, _) => self.rcpt(to.address.as_ref(), accepts),
            (Request::Data, _) if self.chunking => Err("503 5.5.1 BDAT was begun: go on with it"),
            (Request::Data, _) if self.sender.is_some() => Err("503 5.5.1 no valid recipients"),
            (Request::Data, _) => Err("503 5.5.1 MAIL first"),
            (Request::Rset, _) => {
                self.reset();
                ok("250 2.0.0 ok")
            }
            (Request::Noop { .. }, _) => ok("250 2.0.0 ok"),
            (Request::Vrfy { .. }, _) => ok("252 2.5.0 send and see"),
            (Request::Help { .. }, Dialect::Lmtp) => ok("214 2.0.0 RFC 2033"),
            (Request::Help { .. }, Dialect::Smtp) => ok("214 2.0.0 RFC 5321"),
            (Request::StartTls, Dialect::Smtp) if self.secured => Err("503 5.5.1 TLS is on already"),
            _ => Err("502 5.5.1 not here"),
        }
    }

    fn greet(&mut self, host: &str) {
        self.greeted = Some(host.to_owned());
        self.reset();
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
        self.chunking = false;
    }

    fn offers(&self) -> String {
        let Terms { hostname, max_size, .. } = &self.terms;
        let tls = if self.offers_tls() { "250-STARTTLS\r\n" } else { "" };
        format!(
            "250-{hostname}\r\n250-PIPELINING\r\n250-SIZE {max_size}\r\n{tls}250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250 ENHANCEDSTATUSCODES"
        )
    }

    fn mail<T: AsRef<str>>(&mut self, from: MailFrom<T>) -> Result<String, &'static str> {
        if self.greeted.is_none() {
            return Err(if self.terms.dialect == Dialect::Lmtp { "503 5.5.1 LHLO first" } else { "503 5.5.1 EHLO first" });
        }
        if self.sender.is_some() {
            return Err("503 5.5.1 one MAIL at a time");
        }
        if self.messages >= MESSAGES_MAX {
            return Err("452 4.5.3 enough for one session: dial again");
        }
        if from.size > self.terms.max_size {
            return Err("552 5.3.4 the message is too large");
        }
        // What these ask for is not offered, and must not be promised by silence (RFC 8689 §4, RFC 3030 §3).
        if from.flags & (MAIL_REQUIRETLS | MAIL_BODY_BINARYMIME) != 0 {
            return Err("555 5.5.4 unknown parameter");
        }
        self.sender = Some(from.address.as_ref().to_owned());
        Ok("250 2.1.0 ok".to_owned())
    }

    fn rcpt(&mut self, to: &str, accepts: impl Fn(&str) -> bool) -> Result<String, &'static str> {
        if self.sender.is_none() {
            return Err("503 5.5.1 MAIL first");
        }
        if self.chunking {
            return Err("503 5.5.1 BDAT was begun: go on with it");
        }
        if self.recipients.len() >= RECIPIENTS_MAX {
            return Err("452 4.5.3 too many recipients");
        }
        if !accepts(to) {
            return Err("550 5.1.1 no such mailbox here");
        }
        self.recipients.push(to.to_owned());
        Ok("250 2.1.5 ok".to_owned())
    }
}

/// `RCPT TO:<Postmaster>`, in any case of letters.
fn is_postmaster(line: &[u8]) -> bool {
    line.trim_ascii().eq_ignore_ascii_case(b"RCPT TO:<postmaster>")
}

fn said_wrong(error: &Syntax) -> &'static str {
    match error {
        Syntax::InvalidSenderAddress => "501 5.1.7 bad sender address",
        Syntax::InvalidRecipientAddress => "501 5.1.3 bad recipient address",
        Syntax::UnsupportedParameter { .. } => "555 5.5.4 unknown parameter",
        Syntax::InvalidParameter { .. } => "501 5.5.4 bad parameter",
        Syntax::SyntaxError { .. } => "501 5.5.4 bad syntax",
        _ => "500 5.5.1 unknown command",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk_as(dialect: Dialect, lines: &[&str]) -> Vec<String> {
        let mut dialogue = Dialogue::new(Terms { dialect, hostname: "here.example".into(), max_size: 1000, starttls: true });
        let say = |line: &&str| match dialogue.command(format!("{line}\r\n").as_bytes(), |rcpt| rcpt.ends_with("@here.example")) {
            Next::Say(reply) | Next::End(reply) => reply.lines().next_back().unwrap_or_default().to_owned(),
            Next::Message => "354".to_owned(),
            Next::Chunk(Chunk { refused: Some(reply), .. }) => reply.to_owned(),
            Next::Chunk(_) => "chunk".to_owned(),
            Next::StartTls => {
                dialogue.secured();
                "220".to_owned()
            }
        };
        lines.iter().map(say).collect()
    }

    fn talk(lines: &[&str]) -> Vec<String> {
        talk_as(Dialect::Lmtp, lines)
    }

    #[track_caller]
    fn codes(lines: &[&str], wanted: &[&str]) {
        compare(talk(lines), wanted);
    }

    #[track_caller]
    fn smtp(lines: &[&str], wanted: &[&str]) {
        compare(talk_as(Dialect::Smtp, lines), wanted);
    }

    #[track_caller]
    fn compare(got: Vec<String>, wanted: &[&str]) {
        let short: Vec<_> = got.iter().map(|reply| reply.split(' ').next().unwrap()).collect();
        assert_eq!(short, wanted, "{got:#?}");
    }

    #[test]
    fn in_order() {
        let lines = ["LHLO x", "MAIL FROM:<> SIZE=900 BODY=8BITMIME SMTPUTF8", "RCPT TO:<a@here.example>", "DATA"];
        codes(&lines, &["250", "250", "250", "354"]);
        codes(&["lhlo x", "mail from:<ü@x.example> SMTPUTF8", "rcpt to:<ü@here.example>", "data"], &["250", "250", "250", "354"]);
    }

    #[test]
    fn out_of_order() {
        codes(&["MAIL FROM:<>", "RCPT TO:<a@here.example>", "DATA"], &["503", "503", "503"]);
        codes(&["LHLO x", "MAIL FROM:<>", "MAIL FROM:<>", "DATA"], &["250", "250", "503", "503"]);
        codes(&["LHLO x", "MAIL FROM:<>", "RSET", "RCPT TO:<a@here.example>"], &["250", "250", "250", "503"]);
        codes(&["LHLO x", "MAIL FROM:<>", "LHLO x", "RCPT TO:<a@here.example>"], &["250", "250", "250", "503"]);
    }

    #[test]
    fn every_bad_command_its_reply() {
        codes(
            &["EHLO x", "HELO x", "STARTTLS", "AUTH PLAIN x", "BDAT 5", "XYZZY", "", "VRFY a", "NOOP"],
            &["500", "500", "502", "502", "503", "500", "500", "252", "250"],
        );
        codes(
            &["LHLO x", "MAIL FROM:<> SIZE=1001", "MAIL FROM:<> NONSENSE=1", "MAIL FROM:a@b", "MAIL FROM:<>"],
            &["250", "552", "555", "501", "250"],
        );
        codes(
            &["LHLO x", "MAIL FROM:<>", "RCPT TO:<b@elsewhere.example>", "RCPT TO:<>", "RCPT TO:x", "DATA"],
            &["250", "250", "550", "550", "501", "503"],
        );
    }

    #[test]
    fn smtp_says_ehlo_and_offers_tls_once() {
        smtp(&["LHLO x", "HELO x", "EHLO x", "MAIL FROM:<>"], &["500", "250", "250", "250"]);
        let lines = ["EHLO x", "MAIL FROM:<>", "STARTTLS", "MAIL FROM:<>", "EHLO x", "STARTTLS", "MAIL FROM:<>"];
        smtp(&lines, &["250", "250", "220", "503", "250", "503", "250"]);
        let offers = |secured: bool| {
            let mut dialogue = Dialogue::new(Terms { dialect: Dialect::Smtp, hostname: "h".into(), max_size: 9, starttls: true });
            if secured {
                dialogue.secured();
            }
            matches!(dialogue.command(b"EHLO x\r\n", |_| true), Next::Say(reply) if reply.contains("STARTTLS"))
        };
        assert!(offers(false) && !offers(true));
        smtp(
            &["EHLO x", "MAIL FROM:<> REQUIRETLS", "MAIL FROM:<> BODY=BINARYMIME", "AUTH LOGIN", "ETRN x"],
            &["250", "555", "555", "502", "502"],
        );
    }

    #[test]
    fn chunks_in_order() {
        let open = ["EHLO x", "MAIL FROM:<>", "RCPT TO:<a@here.example>"];
        let with = |more: &[&'static str]| [&open[..], more].concat();
        smtp(&with(&["BDAT 5", "DATA", "RCPT TO:<a@here.example>", "BDAT 3 LAST"]), &["250", "250", "250", "chunk", "503", "503", "chunk"]);
        smtp(&["EHLO x", "BDAT 5", "MAIL FROM:<>", "BDAT 5"], &["250", "503", "250", "503"]);
        smtp(&with(&["BDAT 5", "RSET", "BDAT 5"]), &["250", "250", "250", "chunk", "250", "503"]);
        smtp(&with(&["BDAT 2001"]), &["250", "250", "250", "552"]);
        // What follows a size that can't be read can't be told from commands.
        for beyond in ["BDAT 18446744073709551615", "BDAT 99999999999999999999999", "BDAT -1", "bdat", "BDAT 5 LATEST"] {
            let mut dialogue = Dialogue::new(Terms { dialect: Dialect::Smtp, hostname: "h".into(), max_size: 9, starttls: false });
            let next = dialogue.command(format!("{beyond}\r\n").as_bytes(), |_| true);
            assert!(matches!(&next, Next::End(reply) if reply.starts_with('5')), "{beyond}: {next:?}");
        }
    }

    #[test]
    fn a_lone_line_feed_ends_an_smtp_session() {
        let mut dialogue = Dialogue::new(Terms { dialect: Dialect::Smtp, hostname: "h".into(), max_size: 9, starttls: false });
        assert!(matches!(dialogue.command(b"EHLO x\n", |_| true), Next::End(reply) if reply.starts_with("521")));
    }

    #[test]
    fn everything_has_an_end() {
        let mut lines = vec!["LHLO x", "MAIL FROM:<>"];
        lines.extend(["RCPT TO:<a@here.example>"; 101]);
        assert_eq!(talk(&lines).last().unwrap(), "452 4.5.3 too many recipients");
        assert_eq!(talk(&["XYZZY"; 21]).last().unwrap(), "421 4.7.0 too many errors");
        assert_eq!(talk(&["NOOP"; 1001]).last().unwrap(), "421 4.7.0 too many commands");
    }
}
