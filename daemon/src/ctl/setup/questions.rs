//! The five questions: what a flag answers is not asked; what is asked has a proposal, and is asked again while the answer can't be right.

use std::io::{BufRead, IsTerminal, Write, stdin};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::PortalName;
use zeroize::Zeroizing;

use super::Setup;
use crate::ctl::errand::Errand;
use crate::ctl::failure::Failure;

/// What stands before the tag of an address that answers come to: its place in `reply_to` is 21 characters long.
const BEFORE_TAG: usize = 20;

/// How mails leave.
pub(super) enum Way {
    Relay { host: String, port: Option<u16>, user: Option<String> },
    Direct,
}

/// Where answers come in.
pub(super) enum Replies {
    /// Our own SMTP listener, and the MX record of the reply domain.
    Here,
    Lmtp,
    Maildir(PathBuf),
    Imap {
        user: String,
        host: String,
    },
}

/// A secret that gets a file of its own.
pub(super) struct Secret {
    pub(super) name: &'static str,
    pub(super) text: Zeroizing<String>,
}

/// All of it.
pub(super) struct Answers {
    pub(super) portal: String,
    pub(super) title: String,
    pub(super) domain: String,
    pub(super) page: String,
    pub(super) support: String,
    pub(super) way: Way,
    pub(super) replies: Replies,
    pub(super) user: Option<String>,
    pub(super) secrets: Vec<Secret>,
}

/// One question.
struct Question {
    flag: &'static str,
    given: Option<String>,
    text: String,
    /// What an empty answer means; `None`: there must be one.
    proposal: Option<String>,
}

impl Answers {
    pub(super) fn ask(ask: &Setup, errand: &Errand) -> Result<Self, Failure> {
        let asked = |flag, given: &Option<String>, text: &str, proposal: Option<&str>| {
            (Question { flag, given: given.clone(), text: text.to_owned(), proposal: proposal.map(str::to_owned) }, errand)
        };
        let title = put(asked("--title", &ask.title, "What do people call your site?", None), |text| {
            DisplayName::parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
        })?;
        let domain = put(asked("--domain", &ask.domain, "Which domain do its mails come from?", None), |text| {
            let text = text.to_lowercase();
            Mailbox::parse(&format!("no-reply@{text}")).map_err(|error| error.to_string())?;
            if text.contains('.') { Ok(text) } else { Err("a domain has a dot, as in shop.example".into()) }
        })?;
        let local = is_listening();
        let text = "How do they leave? The name of a relay, or \"direct\", to each domain's own servers.";
        let mut way = put(asked("--out", &ask.out, text, Some(if local { "127.0.0.1" } else { "direct" })), way_of)?;
        let mut secrets = Vec::new();
        if let Way::Relay { host, user, .. } = &mut way
            && !is_local(host)
        {
            let text = format!("Who are you to {host}? A user's name; \"-\" where it asks for none.");
            *user = put(asked("--relay-user", &ask.relay_user, &text, Some("-")), optional)?;
            if user.is_some() {
                let text = secret(errand, ask.relay_password_file.as_deref(), &format!("The password for {host}"))?;
                secrets.push(Secret { name: "relay.password", text });
            }
        }
        let text = format!(
            "Where do answers come in? \"here\": this machine is in the MX record of reply.{domain}; \"lmtp\": the mail server on this \
             machine hands them on; \"imap:USER@HOST\": a mailbox; or the path of a Maildir."
        );
        let replies = put(asked("--replies", &ask.replies, &text, Some(if local { "lmtp" } else { "here" })), replies_of)?;
        if let Replies::Imap { host, .. } = &replies {
            let text = secret(errand, ask.imap_password_file.as_deref(), &format!("The password for {host}"))?;
            secrets.push(Secret { name: "imap.password", text });
        }
        let text = "Which user does your application run as? \"-\" where there is none yet.";
        let user = put(asked("--user", &ask.user, text, Some("-")), optional)?;
        let portal = match &ask.portal {
            Some(name) => PortalName::parse(name).map_err(|error| Failure::Usage(format!("--portal: {error}")))?.as_str().to_owned(),
            None => portal_of(&domain),
        };
        let page = ask.page.clone().unwrap_or_else(|| format!("https://{domain}/reset?t={{token}}"));
        let support = ask.support.clone().unwrap_or_else(|| format!("help@{domain}"));
        Ok(Self { portal, title, domain, page, support, way, replies, user, secrets })
    }
}

/// Asks until the answer can be right; what a flag says must be right at once.
fn put<T>((question, errand): (Question, &Errand), read: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    if let Some(given) = &question.given {
        return read(given.trim()).map_err(|error| Failure::Usage(format!("{}: {error}", question.flag)));
    }
    loop {
        let proposal = question.proposal.as_deref().map(|text| format!(" [{text}]")).unwrap_or_default();
        eprint!("{}{}\n> ", errand.screen.on_stderr(&question.text, "1"), errand.screen.on_stderr(&proposal, "2"));
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        let ended = stdin().lock().read_line(&mut line)? == 0;
        if !stdin().is_terminal() {
            // What was typed is on a terminal's screen, and so it is here.
            eprintln!("{}", line.trim_end());
        }
        let answer = match (line.trim(), &question.proposal) {
            ("", Some(proposal)) => proposal,
            ("", None) if ended => return Err(Failure::Usage(format!("{} is needed", question.flag))),
            (answer, _) => answer,
        };
        match read(answer) {
            Ok(answer) => return Ok(answer),
            Err(error) if ended => return Err(Failure::Usage(format!("{}: {error}", question.flag))),
            Err(error) => eprintln!("{}", errand.screen.on_stderr(&error, "31")),
        }
    }
}

/// From a file, or typed where nobody sees it.
fn secret(errand: &Errand, file: Option<&Path>, text: &str) -> Result<Zeroizing<String>, Failure> {
    let read = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?,
        None => {
            eprint!("{}\n> ", errand.screen.on_stderr(&format!("{text} (it is not shown)"), "1"));
            if stdin().is_terminal() {
                console::Term::stderr().read_secure_line()?
            } else {
                let mut line = String::new();
                stdin().lock().read_line(&mut line)?;
                eprintln!();
                line
            }
        }
    };
    let read = Zeroizing::new(read);
    let line = read.lines().next().unwrap_or_default();
    if line.is_empty() { Err(Failure::Usage(format!("{text}: there is none"))) } else { Ok(Zeroizing::new(format!("{line}\n"))) }
}

fn optional(text: &str) -> Result<Option<String>, String> {
    if text.chars().any(|c| c.is_control()) {
        return Err("a name has no control characters".into());
    }
    Ok((text != "-").then(|| text.to_owned()))
}

fn way_of(text: &str) -> Result<Way, String> {
    if text == "direct" {
        return Ok(Way::Direct);
    }
    let (host, port) = match text.parse::<SocketAddr>() {
        Ok(address) => (address.ip().to_string(), Some(address.port())),
        Err(_) if text.parse::<IpAddr>().is_ok() => (text.to_owned(), None),
        Err(_) => match text.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port.parse().map_err(|_| format!("{port} is no port"))?)),
            None => (text.to_owned(), None),
        },
    };
    let good = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':'));
    if good { Ok(Way::Relay { host, port, user: None }) } else { Err("the name of a server, perhaps with :PORT, or \"direct\"".into()) }
}

fn replies_of(text: &str) -> Result<Replies, String> {
    match text {
        "here" => Ok(Replies::Here),
        "lmtp" => Ok(Replies::Lmtp),
        path if path.starts_with('/') => Ok(Replies::Maildir(path.into())),
        _ => {
            let account = text.strip_prefix("imap:").and_then(|account| account.rsplit_once('@'));
            let Some((user, host)) = account.filter(|(user, host)| !user.is_empty() && !host.is_empty()) else {
                return Err("\"here\", \"lmtp\", \"imap:USER@HOST\" or the path of a Maildir".into());
            };
            // The tag goes into the account's own address, so that must be known.
            let address = Mailbox::parse(user).map_err(|_| {
                "imap:USER@HOST, where USER is the mailbox's address: imap:answers@shop.example@imap.example.net".to_owned()
            })?;
            if address.local().len() + 1 > BEFORE_TAG {
                return Err(format!("what stands before the @ may be {} characters long, or the tag finds no room", BEFORE_TAG - 1));
            }
            Ok(Replies::Imap { user: user.to_owned(), host: host.to_owned() })
        }
    }
}

/// `shop` of `www.shop.example`; what is no name of a portal is `site`.
fn portal_of(domain: &str) -> String {
    let first = domain.split('.').find(|label| *label != "www").unwrap_or_default();
    PortalName::parse(first).map_or_else(|_| "site".to_owned(), |name| name.as_str().to_owned())
}

/// Whether a host is this machine: no password, and no TLS.
pub(super) fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a mail server is on this machine.
fn is_listening() -> bool {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], 25)), Duration::from_secs(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out() {
        let told = |text| match way_of(text) {
            Ok(Way::Relay { host, port, .. }) => format!("{host} {port:?}"),
            Ok(Way::Direct) => "direct".to_owned(),
            Err(error) => error,
        };
        assert_eq!(told("direct"), "direct");
        assert_eq!(told("smtp.example.net"), "smtp.example.net None");
        assert_eq!(told("smtp.example.net:2525"), "smtp.example.net Some(2525)");
        assert_eq!(told("[::1]:25"), "::1 Some(25)");
        assert_eq!(told("::1"), "::1 None");
        assert_eq!(told("smtp.example.net:x"), "x is no port");
        assert!(told("two words").contains("direct") && told("a\"b").contains("direct"));
    }

    #[test]
    fn ways_in() {
        assert!(matches!(replies_of("here"), Ok(Replies::Here)) && matches!(replies_of("lmtp"), Ok(Replies::Lmtp)));
        assert!(matches!(replies_of("/var/mail/x"), Ok(Replies::Maildir(_))));
        let Ok(Replies::Imap { user, host }) = replies_of("imap:answers@shop.example@imap.example.net") else { panic!() };
        assert_eq!((user.as_str(), host.as_str()), ("answers@shop.example", "imap.example.net"));
        for bad in
            ["imap:answers@imap.example.net", "imap:@x", "elsewhere", "imap:a-name-that-is-much-too-long@shop.example@imap.example.net"]
        {
            assert!(replies_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_portal_is_named_after_its_domain() {
        for (domain, portal) in
            [("shop.example", "shop"), ("www.shop.example", "shop"), ("4711.example", "site"), ("müller.example", "site")]
        {
            assert_eq!(portal_of(domain), portal);
        }
    }
}
