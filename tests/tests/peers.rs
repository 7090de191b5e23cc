//! Real peers: Postfix's smtp-sink as the relay, swaks and Python's smtplib as those who deliver.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};

use resetd_tests::{Answer, Config, Sink, Site, program};

/// A child that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn smtp_sink_takes_what_we_send() {
    let Some(smtp_sink) = program("smtp-sink", "postfix") else { return };
    let port = Sink::free_port();
    let site = Site::with(&Config::new().relay(port));
    let id = site.request("ann");
    site.events().until(&id, "mail.deferred");
    let folder = site.path().join("sunk");
    fs::create_dir(&folder).unwrap();
    let mut command = Command::new(smtp_sink);
    if nix::unistd::geteuid().is_root() {
        command.args(["-u", "root"]);
    }
    let template = format!("{}/mail.", folder.display());
    command.args(["-c", "-d", &template, &format!("127.0.0.1:{port}"), "100"]).current_dir(&folder).stdout(Stdio::null());
    let _running = Running(command.spawn().unwrap());
    // Until it listens the mail is put off, and tried again by itself.
    site.events().until(&id, "mail.sent");
    for n in 0..50 {
        site.request(&format!("u{n}"));
    }
    site.until_quiet();
    let mails: Vec<String> = fs::read_dir(&folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert_eq!(mails.iter().filter(|mail| mail.contains("Subject: ")).count(), 51);
    assert!(mails.iter().all(|mail| !mail.contains("\r\n\n") && mail.contains("X-Mail-Args: <reply+b")), "{}", mails[0]);
    assert!(mails.iter().any(|mail| mail.contains("X-Rcpt-Args: <ann@mail.example>")));
}

#[test]
fn swaks_delivers_by_lmtp() {
    let Some(swaks) = program("swaks", "swaks") else { return };
    let site = Site::with(&Config::new().more("[mailbox]\nlmtp = [\"unix:{dir}/lmtp\"]"));
    let (id, mail) = site.mailed("ann");
    let file = site.path().join("answer.eml");
    fs::write(&file, Answer::to(&mail, "This wasn't me!").build()).unwrap();
    let deliver = |to: &str| {
        let mut command = Command::new(&swaks);
        command.args(["--protocol", "LMTP", "--socket"]).arg(site.path().join("lmtp"));
        command.args(["--from", "ann@mail.example", "--to", to, "--data"]).arg(format!("@{}", file.display()));
        command.output().unwrap()
    };
    let output = deliver(&mail.reply_to());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    site.events().named("flag.raised");
    assert_eq!(site.state(&id), "denied");
    let stranger = deliver("somebody@elsewhere.example");
    assert!(!stranger.status.success(), "mail for others is refused: {}", String::from_utf8_lossy(&stranger.stdout));
}

#[test]
fn pythons_smtplib_delivers_by_lmtp_to_many_at_once() {
    let Some(python) = program("python3", "python3") else { return };
    let site = Site::with(&Config::new().more("[mailbox]\nlmtp = [\"unix:{dir}/lmtp\"]"));
    let mails: Vec<_> = (0..3).map(|n| site.mailed(&format!("u{n}"))).collect();
    let script = r#"
import smtplib, sys
client = smtplib.LMTP(sys.argv[1])
refused = client.sendmail('ann@mail.example', sys.argv[2:-1] + ['nobody@elsewhere.example'], open(sys.argv[-1], 'rb').read())
assert list(refused) == ['nobody@elsewhere.example'] and refused['nobody@elsewhere.example'][0] == 550, refused
client.quit()
"#;
    let file = site.path().join("answer.eml");
    fs::write(&file, Answer::to(&mails[0].1, "Hello, I need help with all of these.").unquoted().build()).unwrap();
    let mut command = Command::new(python);
    command.args(["-c", script]).arg(site.path().join("lmtp")).args(mails.iter().map(|(_, mail)| mail.reply_to())).arg(&file);
    command.stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    site.events().named("flag.raised");
}

#[test]
fn curl_speaks_to_the_socket_as_the_readme_does() {
    let Some(curl) = program("curl", "curl") else { return };
    let site = Site::new();
    let ask = |arguments: &[&str]| {
        let output = Command::new(&curl).arg("--silent").arg("--unix-socket").arg(site.socket()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let accepted = ask(&["--json", r#"{"portal":"shop","account":"ann","email":"ann@mail.example"}"#, "http://x/v1/resets"]);
    assert!(accepted.contains(r#""status":"accepted""#), "{accepted}");
    assert!(ask(&["http://x/v1/status"]).contains("\"portals\":[\"shop\"]"));
}
