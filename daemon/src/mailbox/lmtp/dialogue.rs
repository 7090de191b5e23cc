//! What is said in an LMTP session (RFC 2033), without any input or output: a command line in, a reply out. Commands are
//! read by smtp-proto.

use smtp_proto::{Error as Syntax, MailFrom, RcptTo, Request};

/// Recipients of one message; the peer sends the others again (RFC 5321 §4.5.3.1.8 asks for 100).
const RECIPIENTS_MAX: usize = 100;
/// Wrong commands before the peer is shown the door.
const ERRORS_MAX: u32 = 20;
/// Commands between two messages before the peer is shown the door.
const COMMANDS_MAX: u32 = 1000;

/// Where a session is.
pub(super) struct Dialogue {
    greeted: bool,
    sender: Option<String>,
    recipients: Vec<String>,
    max_size: usize,
    errors: u32,
    commands: u32,
}

/// What to do after a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Say this and listen on.
    Say(String),
    /// Say 354 and take a message.
    Message,
    /// Say this and hang up.
    End(String),
}

/// Sender and recipients of the message that comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub mail_from: String,
    pub rcpt_to: Vec<String>,
}

impl Dialogue {
    /// At the start. `max_size` is announced.
    pub fn new(max_size: usize) -> Self {
        Self { greeted: false, sender: None, recipients: Vec::new(), max_size, errors: 0, commands: 0 }
    }

    /// One line with its end.
    pub fn command(&mut self, line: &[u8], accepts: impl Fn(&str) -> bool) -> Next {
        self.commands += 1;
        if self.commands > COMMANDS_MAX {
            return Next::End("421 4.7.0 too many commands".to_owned());
        }
        let said = match Request::parse(&mut line.iter()) {
            Ok(Request::Data) if self.sender.is_some() && !self.recipients.is_empty() => return Next::Message,
            Ok(Request::Quit) => return Next::End("221 2.0.0 bye".to_owned()),
            Ok(request) => self.request(request, accepts),
            Err(error) => Err(said_wrong(&error)),
        };
        match said {
            Ok(reply) => Next::Say(reply),
            Err(reply) => self.wrong(reply.to_owned()),
        }
    }

    /// A line that was too long to be read.
    pub fn too_long(&mut self) -> Next {
        self.wrong("500 5.5.2 the line is too long".to_owned())
    }

    /// The message's envelope; the next one starts anew.
    pub fn take_envelope(&mut self) -> Envelope {
        self.commands = 0;
        Envelope { mail_from: self.sender.take().unwrap_or_default(), rcpt_to: std::mem::take(&mut self.recipients) }
    }

    fn wrong(&mut self, reply: String) -> Next {
        self.errors += 1;
        if self.errors > ERRORS_MAX { Next::End("421 4.7.0 too many errors".to_owned()) } else { Next::Say(reply) }
    }

    fn request<T: AsRef<str> + std::fmt::Display + PartialEq>(
        &mut self,
        request: Request<T>,
        accepts: impl Fn(&str) -> bool,
    ) -> Result<String, &'static str> {
        let ok = |text: &str| Ok(text.to_owned());
        match request {
            Request::Lhlo { .. } => {
                self.greeted = true;
                self.reset();
                Ok(self.offers())
            }
            // RFC 2033 §4.1: HELO and EHLO must not be answered as SMTP would.
            Request::Helo { .. } | Request::Ehlo { .. } => Err("500 5.5.1 this is LMTP: say LHLO"),
            Request::Mail { from } => self.mail(from),
            Request::Rcpt { to } => self.rcpt(&to, accepts),
            Request::Data if self.sender.is_some() => Err("503 5.5.1 no valid recipients"),
            Request::Data => Err("503 5.5.1 MAIL first"),
            Request::Rset => {
                self.reset();
                ok("250 2.0.0 ok")
            }
            Request::Noop { .. } => ok("250 2.0.0 ok"),
            Request::Vrfy { .. } => ok("252 2.5.0 send and see"),
            Request::Help { .. } => ok("214 2.0.0 RFC 2033"),
            _ => Err("502 5.5.1 not here"),
        }
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn offers(&self) -> String {
        format!("250-resetd\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES", self.max_size)
    }

    fn mail<T: AsRef<str>>(&mut self, from: MailFrom<T>) -> Result<String, &'static str> {
        if !self.greeted {
            return Err("503 5.5.1 LHLO first");
        }
        if self.sender.is_some() {
            return Err("503 5.5.1 one MAIL at a time");
        }
        if from.size > self.max_size {
            return Err("552 5.3.4 the message is too large");
        }
        self.sender = Some(from.address.as_ref().to_owned());
        Ok("250 2.1.0 ok".to_owned())
    }

    fn rcpt<T: AsRef<str>>(&mut self, to: &RcptTo<T>, accepts: impl Fn(&str) -> bool) -> Result<String, &'static str> {
        if self.sender.is_none() {
            return Err("503 5.5.1 MAIL first");
        }
        if self.recipients.len() >= RECIPIENTS_MAX {
            return Err("452 4.5.3 too many recipients");
        }
        if !accepts(to.address.as_ref()) {
            return Err("550 5.1.1 no such mailbox here");
        }
        self.recipients.push(to.address.as_ref().to_owned());
        Ok("250 2.1.5 ok".to_owned())
    }
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

    fn talk(lines: &[&str]) -> Vec<String> {
        let mut dialogue = Dialogue::new(1000);
        let say = |line: &&str| match dialogue.command(format!("{line}\r\n").as_bytes(), |rcpt| rcpt.ends_with("@here.example")) {
            Next::Say(reply) | Next::End(reply) => reply.lines().next_back().unwrap_or_default().to_owned(),
            Next::Message => "354".to_owned(),
        };
        lines.iter().map(say).collect()
    }

    #[track_caller]
    fn codes(lines: &[&str], wanted: &[&str]) {
        let got = talk(lines);
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
            &["500", "500", "502", "502", "502", "500", "500", "252", "250"],
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
    fn everything_has_an_end() {
        let mut lines = vec!["LHLO x", "MAIL FROM:<>"];
        lines.extend(["RCPT TO:<a@here.example>"; 101]);
        assert_eq!(talk(&lines).last().unwrap(), "452 4.5.3 too many recipients");
        assert_eq!(talk(&["XYZZY"; 21]).last().unwrap(), "421 4.7.0 too many errors");
        assert_eq!(talk(&["NOOP"; 1001]).last().unwrap(), "421 4.7.0 too many commands");
    }
}
