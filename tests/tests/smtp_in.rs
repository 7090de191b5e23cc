//! Our own SMTP listener: who may leave what there, which senders' domains vouch, and real peers (swaks, Postfix).

use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use resetd::ambient::SystemEntropy;
use resetd::config::DkimKey;
use resetd::mail::dkim::{Algorithm, Signers, generate};
use resetd_tests::answer::Answer;
use resetd_tests::client::read_line;
use resetd_tests::names::Names;
use resetd_tests::{Config, Events, Mail, Sink, Site, program};
use serde_json::Value;

const NOT_ME: &str = "This wasn't me, I did not ask for a new password!";

/// A site that listens for SMTP and asks `names`.
fn site(names: &Names, more: &str) -> (Site, u16) {
    let port = Sink::free_port();
    let sections = format!(
        "[mailbox.smtp]\nlisten = [\"127.0.0.1:{port}\"]\nhostname = \"mx.in.shop.example\"\n{more}\n[dns]\nservers = [\"{}\"]\n",
        names.at()
    );
    (Site::with(&Config::new().more(&sections)), port)
}

/// One SMTP session.
struct Smtp(BufReader<TcpStream>);

impl Smtp {
    fn dial(port: u16) -> Self {
        let mut session = Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()));
        assert!(session.reply().starts_with("220 mx.in.shop.example"));
        assert!(session.ask("EHLO mail.example").starts_with("250"));
        session
    }

    fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    fn reply(&mut self) -> String {
        loop {
            let line = read_line(&mut self.0).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    fn deliver(&mut self, from: &str, to: &str, message: &[u8]) -> String {
        assert!(self.ask(&format!("MAIL FROM:<{from}>")).starts_with("250"));
        let rcpt = self.ask(&format!("RCPT TO:<{to}>"));
        if !rcpt.starts_with("250") {
            self.ask("RSET");
            return rcpt;
        }
        assert!(self.ask("DATA").starts_with("354"));
        self.0.get_mut().write_all(String::from_utf8_lossy(message).replace("\r\n.", "\r\n..").as_bytes()).unwrap();
        self.ask(if message.ends_with(b"\r\n") { "." } else { "\r\n." })
    }
}

/// What reading came to of the next message that is read.
fn read_next(site: &Site, deliver: impl FnOnce()) -> Value {
    let mut events = Events::live(&site.socket());
    deliver();
    events.named("inbound.read")
}

#[test]
fn only_our_own_tags_and_addresses_are_taken() {
    let names = Names::new();
    let (site, port) = site(&names, "");
    let (id, mail) = site.mailed("ann");
    let good = mail.reply_to();
    let mut session = Smtp::dial(port);
    let mut ask = |to: &str| {
        assert!(session.ask("MAIL FROM:<jo@mail.example>").starts_with("250"));
        let reply = session.ask(&format!("RCPT TO:<{to}>"));
        session.ask("RSET");
        reply
    };
    let (local, domain) = good.split_once('@').unwrap();
    let mut forged: String = local.to_owned();
    let last = if forged.pop() == Some('a') { 'b' } else { 'a' };
    forged.insert(forged.len() - 4, last);
    for to in [good.as_str(), &good.to_uppercase(), &format!("reply@{domain}"), &format!("postmaster@{domain}")] {
        assert!(ask(to).starts_with("250"), "{to}");
    }
    for to in [
        format!("{forged}@{domain}"),
        format!("reply+nothing@{domain}"),
        format!("{local}@elsewhere.example"),
        format!("{local}%elsewhere.example@{domain}"),
        "ann@mail.example".to_owned(),
        format!("no-reply@{domain}"),
    ] {
        assert!(ask(&to).starts_with("550 5.1.1"), "{to}");
    }
    assert!(session.deliver("ann@mail.example", &good, &Answer::to(&mail, NOT_ME).build()).starts_with("250"));
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied");
}

/// An answer to no tag, in no thread: only the sender's domain can prove anything.
fn bare(mail: &Mail) -> Answer {
    Answer::to(mail, NOT_ME).bare("reply@in.shop.example", "Hello")
}

#[test]
fn a_domain_vouches_by_aligned_spf_and_only_for_itself() {
    let names = Names::new();
    names.txt("mail.example", "v=spf1 ip4:127.0.0.1 -all");
    names.txt("_dmarc.mail.example", "v=DMARC1; p=reject");
    names.txt("evil.example", "v=spf1 ip4:127.0.0.1 -all");
    names.txt("_dmarc.evil.example", "v=DMARC1; p=none");
    let (site, port) = site(&names, "");
    let (id, mail) = site.mailed("ann");
    let mut session = Smtp::dial(port);
    let claims = "mx.in.shop.example; dmarc=pass header.from=mail.example";
    let forged = bare(&mail).header("Authentication-Results", claims).build();
    let read = read_next(&site, || assert!(session.deliver("eve@evil.example", "reply@in.shop.example", &forged).starts_with("250")));
    assert_eq!(read["detail"]["proof"], "none", "{read}");
    assert_eq!(site.state(&id), "sent", "a forged denial kills nothing");

    let two = String::from_utf8(bare(&mail).build()).unwrap().replacen("From: ", "From: eve@evil.example\r\nFrom: ", 1);
    let read =
        read_next(&site, || assert!(session.deliver("ann@mail.example", "reply@in.shop.example", two.as_bytes()).starts_with("250")));
    assert_eq!(read["detail"]["proof"], "none", "two authors: {read}");
    assert_eq!(site.state(&id), "sent");

    let read = read_next(&site, || {
        assert!(session.deliver("ann@mail.example", "reply@in.shop.example", &bare(&mail).build()).starts_with("250"));
    });
    assert_eq!(read["detail"]["proof"], "dmarc", "{read}");
    assert_eq!(site.state(&id), "denied");
}

#[test]
fn a_domain_vouches_by_its_signature_whoever_carries_the_mail() {
    let names = Names::new();
    let key = generate("mail.example", "s1", Algorithm::Ed25519, &SystemEntropy::new()).unwrap();
    names.txt("s1._domainkey.mail.example", &key.record.value);
    names.txt("_dmarc.mail.example", "v=DMARC1; p=reject");
    let (site, port) = site(&names, "");
    let (id, mail) = site.mailed("ann");
    let signers = Signers::new(&[DkimKey { domain: "mail.example".into(), selector: "s1".into(), pem: key.pem.clone() }]).unwrap();
    let signed = String::from_utf8(signers.sign("mail.example", bare(&mail).build().into()).unwrap().to_vec()).unwrap();
    let mut session = Smtp::dial(port);
    let changed = signed.replacen("wasn't me", "wasn't you", 1);
    let read = read_next(&site, || {
        assert!(session.deliver("list@list.example", "reply@in.shop.example", changed.as_bytes()).starts_with("250"));
    });
    assert_eq!(read["detail"]["proof"], "none", "the body was changed: {read}");
    let read = read_next(&site, || {
        assert!(session.deliver("list@list.example", "reply@in.shop.example", signed.as_bytes()).starts_with("250"));
    });
    assert_eq!(read["detail"]["proof"], "dmarc", "{read}");
    assert_eq!(site.state(&id), "denied");
}

/// Eve has an account at Ann's provider, so that its signature and its DMARC are good for her. Folded anew, the name she gave
/// herself must not become the address.
#[test]
fn a_domain_vouches_for_the_author_that_it_signed_and_for_nobody_else_there() {
    let names = Names::new();
    let key = generate("mail.example", "s1", Algorithm::Ed25519, &SystemEntropy::new()).unwrap();
    names.txt("s1._domainkey.mail.example", &key.record.value);
    names.txt("_dmarc.mail.example", "v=DMARC1; p=reject");
    let (site, port) = site(&names, "");
    let (id, mail) = site.mailed("ann");
    let signers = Signers::new(&[DkimKey { domain: "mail.example".into(), selector: "s1".into(), pem: key.pem.clone() }]).unwrap();
    let own = String::from_utf8(bare(&mail).build()).unwrap();
    let (before, rest) = own.split_once("From: ").unwrap();
    let (_, after) = rest.split_once("\r\n").unwrap();
    let from = "From: \"ann@mail.example\" <eve@mail.example>\r\n";
    let by_eve = format!("{before}{from}{after}");
    let signed = String::from_utf8(signers.sign("mail.example", by_eve.into_bytes().into()).unwrap().to_vec()).unwrap();
    let without = signed.replacen(from, "", 1);
    let (head, body) = without.split_once("\r\n\r\n").unwrap();
    let folded = format!("{head}\r\nFrom: \"ann@mail.example\"\r\n \r\n \r\n <eve@mail.example>\r\n\r\n{body}");
    let mut session = Smtp::dial(port);
    for forged in [signed, folded] {
        let read = read_next(&site, || {
            assert!(session.deliver("eve@evil.example", "reply@in.shop.example", forged.as_bytes()).starts_with("250"));
        });
        assert_eq!(read["detail"]["proof"], "none", "{read}\n{forged}");
    }
    assert_eq!(site.state(&id), "sent");
}

/// What Ann once wrote to Eve keeps its signature when Eve carries it here.
#[test]
fn a_domain_vouches_for_what_was_written_to_us_only() {
    let names = Names::new();
    let key = generate("mail.example", "s1", Algorithm::Ed25519, &SystemEntropy::new()).unwrap();
    names.txt("s1._domainkey.mail.example", &key.record.value);
    names.txt("_dmarc.mail.example", "v=DMARC1; p=reject");
    let (site, port) = site(&names, "");
    let (id, mail) = site.mailed("ann");
    let signers = Signers::new(&[DkimKey { domain: "mail.example".into(), selector: "s1".into(), pem: key.pem.clone() }]).unwrap();
    let sign = |message: Vec<u8>| String::from_utf8(signers.sign("mail.example", message.into()).unwrap().to_vec()).unwrap();
    let to_eve = sign(Answer::to(&mail, "It wasn't me, I never asked for it").bare("eve@evil.example", "Re: my bike").build());
    let to_us = sign(Answer::to(&mail, "see you").bare("reply@in.shop.example", "lunch").build());
    let retitled = format!("Subject: I did not ask for a new password\r\n{to_us}");
    let mut session = Smtp::dial(port);
    for carried in [to_eve, retitled] {
        let read = read_next(&site, || {
            assert!(session.deliver("eve@evil.example", "reply@in.shop.example", carried.as_bytes()).starts_with("250"));
        });
        assert_eq!(read["detail"]["proof"], "none", "{read}\n{carried}");
        assert_eq!(site.state(&id), "sent");
    }
}

#[test]
fn no_answer_from_the_name_server_proves_nothing_and_loses_nothing() {
    let names = Names::new();
    // Listens and never answers: an address nobody is behind.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = Sink::free_port();
    let sections = format!(
        "[mailbox.smtp]\nlisten = [\"127.0.0.1:{port}\"]\nhostname = \"mx.in.shop.example\"\n[dns]\nservers = [\"{}\"]\n",
        silent.local_addr().unwrap()
    );
    let mut site = Site::with(&Config::new().more(&sections));
    let (id, mail) = site.mailed("ann");
    let mut session = Smtp::dial(port);
    assert!(session.deliver("ann@mail.example", "reply@in.shop.example", &bare(&mail).build()).starts_with("250"));
    // While its domain is still being asked, another message that needs no look-up is read.
    let (other, second) = site.mailed("ben");
    assert!(session.deliver("ben@mail.example", &second.reply_to(), &Answer::to(&second, NOT_ME).build()).starts_with("250"));
    site.events().named("flag.raised");
    assert_eq!((site.state(&other).as_str(), site.state(&id).as_str()), ("denied", "sent"));
    // A crash while it is asked: at the next start, with a name server that answers, it is asked again.
    site.kill9();
    names.txt("mail.example", "v=spf1 ip4:127.0.0.1 -all");
    names.txt("_dmarc.mail.example", "v=DMARC1; p=none");
    site.configure(&Config::new().more(&sections.replace(&silent.local_addr().unwrap().to_string(), &names.at().to_string())));
    site.start();
    let read = site.events().find(|event| event["event"] == "inbound.read" && event["reset"] == id.as_str());
    assert_eq!(read["detail"]["proof"], "dmarc", "{read}");
    assert_eq!(site.state(&id), "denied");
}

#[test]
fn swaks_delivers_with_starttls() {
    let Some(swaks) = program("swaks", "swaks") else { return };
    let Some(openssl) = program("openssl", "openssl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=mx.in.shop.example",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let names = Names::new();
    let (site, port) = site(&names, &format!("certificate = \"{}\"\nkey = \"{}\"", certificate.display(), key.display()));
    let (id, mail) = site.mailed("ann");
    let file = site.path().join("answer.eml");
    fs::write(&file, Answer::to(&mail, NOT_ME).build()).unwrap();
    let output = Command::new(swaks)
        .args([
            "--server",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--tls",
            "--from",
            "ann@mail.example",
            "--to",
            &mail.reply_to(),
            "--data",
        ])
        .arg(format!("@{}", file.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied");
}

/// A Postfix of the test's own, which sends everything to one next hop.
struct Postfix {
    program: PathBuf,
    config: PathBuf,
    _folder: tempfile::TempDir,
}

impl Postfix {
    fn start(program: PathBuf, transport: &str, port: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("postfix-").tempdir_in("/var/tmp").unwrap();
        let at = |name: &str| folder.path().join(name);
        let config = at("etc");
        for name in ["etc", "queue", "data"] {
            fs::create_dir(at(name)).unwrap();
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), mode).unwrap();
        Command::new("chown").arg("postfix").arg(at("data")).status().unwrap();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {}\ndata_directory = {}\ncommand_directory = /usr/sbin\n\
             daemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = postdrop\nmyhostname = mta.example\n\
             mydestination =\nmynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\ndefault_transport = {transport}\n\
             smtp_tls_security_level = may\nsmtpd_relay_restrictions = permit_mynetworks, reject\nmaillog_file = {}/log\n\
             maillog_file_prefixes = {}\nsmtp_dns_support_level = disabled\nalias_maps =\nalias_database =\n\
             local_recipient_maps =\nproxy_read_maps =\n",
            at("queue").display(),
            at("data").display(),
            folder.path().display(),
            folder.path().display(),
        );
        fs::write(config.join("main.cf"), main).unwrap();
        let services = [
            &format!("127.0.0.1:{port} inet n - n - - smtpd"),
            "pickup unix n - n 60 1 pickup",
            "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr",
            "rewrite unix - - n - - trivial-rewrite",
            "bounce unix - - n - 0 bounce",
            "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce",
            "tlsmgr unix - - n 1000? 1 tlsmgr",
            "smtp unix - - n - - smtp",
            "lmtp unix - - n - - lmtp",
            "error unix - - n - - error",
            "retry unix - - n - - error",
            "scache unix - - n - 1 scache",
            "proxymap unix - - n - - proxymap",
            "anvil unix - - n - 1 anvil",
            "postlog unix-dgram n - n - 1 postlogd",
        ];
        fs::write(config.join("master.cf"), services.join("\n") + "\n").unwrap();
        let started = Command::new(&program).arg("-c").arg(&config).arg("start").output().unwrap();
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert!(started.status.success(), "{}{log}", String::from_utf8_lossy(&started.stderr));
        Self { program, config, _folder: folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self._folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new(&self.program).arg("-c").arg(&self.config).arg("stop").output();
    }
}

/// Hands an answer to a Postfix that passes it on to us by `transport`.
fn through_postfix(site: &Site, transport: &str) {
    let Some(program) = program("postfix", "postfix") else { return };
    if !resetd_tests::is_root("Postfix") {
        return;
    }
    let port = Sink::free_port();
    let postfix = Postfix::start(program, transport, port);
    let (id, mail) = site.mailed("ann");
    let mut session = loop {
        // Its master has forked, but may not listen yet.
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            break Smtp(BufReader::new(stream));
        }
        std::thread::yield_now();
    };
    assert!(session.reply().starts_with("220"));
    session.ask("EHLO client.example");
    let reply = session.deliver("ann@mail.example", &mail.reply_to(), &Answer::to(&mail, NOT_ME).build());
    assert!(reply.starts_with("250"), "{reply}\n{}", postfix.log());
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied", "{}", postfix.log());
}

#[test]
fn postfix_passes_answers_on_by_smtp() {
    let names = Names::new();
    let (site, port) = site(&names, "");
    through_postfix(&site, &format!("smtp:[127.0.0.1]:{port}"));
}

#[test]
fn postfix_passes_answers_on_by_lmtp() {
    let port = Sink::free_port();
    let site = Site::with(&Config::new().more(&format!("[mailbox]\nlmtp = [\"127.0.0.1:{port}\"]")));
    through_postfix(&site, &format!("lmtp:[127.0.0.1]:{port}"));
}
