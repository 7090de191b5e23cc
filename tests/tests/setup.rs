//! `resetctl setup`, as a new administrator meets it: five answers, a configuration that is right, and a test mail that is answered.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use resetd_tests::{Answer, Site, daemon};
use serde_json::Value;

fn resetctl(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(daemon::program("resetctl"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn setup(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let config = folder.join("resetd.toml");
    resetctl(&[&["setup", "--config", config.to_str().unwrap()], arguments].concat(), input)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

/// What lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What `resetctl config check` says.
fn check(folder: &Path) -> String {
    let output = resetctl(&["config", "check", folder.join("resetd.toml").to_str().unwrap()], "");
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn five_answers_make_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    // The one that is installed: every key, and none set.
    let reference = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc/resetd.toml")).unwrap();
    fs::write(folder.path().join("resetd.toml"), &reference).unwrap();
    fs::set_permissions(folder.path().join("resetd.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    // The second is wrong, and asked again; the last is left to the proposal.
    let output = setup(folder.path(), &[], "Example Shop\nno domain\nshop.example\n127.0.0.1\nlmtp\n\n");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert_eq!(err.matches("Which domain").count(), 2, "{err}");
    assert!(check(folder.path()).contains("ok"), "{}", check(folder.path()));
    for wanted in [
        "_domainkey.shop.example",
        "v=DKIM1; k=rsa",
        "v=DKIM1; k=ed25519",
        "MX   reply.shop.example",
        "_dmarc.shop.example",
        "systemctl enable resetd-lmtp.socket",
        "resetctl setup --send-to",
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    let written = fs::read_to_string(folder.path().join("resetd.toml")).unwrap();
    for wanted in ["title = \"Example Shop\"", "reply_to = \"reply+{tag}@reply.shop.example\"", "lmtp = [\"127.0.0.1:2424\"]"] {
        assert!(written.contains(&format!("\n{wanted}\n")), "{wanted}");
    }
    // What was explained still is.
    assert_eq!(written.matches("\n# ").count(), reference.matches("\n# ").count());
    assert_eq!(mode(&folder.path().join("resetd.toml")), 0o640);
    assert_eq!(names(folder.path()), ["dkim-ed.pem", "dkim-rsa.pem", "resetd.toml"]);
    assert_eq!(mode(&folder.path().join("dkim-rsa.pem")), 0o400);
    // It is somebody's configuration now.
    let again = setup(folder.path(), &["--title", "Another"], "");
    assert!(again.status.success() && text(&again.stderr).contains("nothing is changed"), "{}", text(&again.stderr));
    assert_eq!(fs::read_to_string(folder.path().join("resetd.toml")).unwrap(), written);
}

#[test]
fn flags_answer_everything_and_secrets_get_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "hunter2 hunter2\n").unwrap();
    let (file, nobody) = (secret.to_str().unwrap(), "imap:answers@shop.example@imap.example.net");
    let arguments = ["--json", "--title", "Shop", "--domain", "shop.example", "--out", "smtp.example.net:465", "--relay-user", "shop"];
    let more = ["--relay-password-file", file, "--replies", nobody, "--imap-password-file", file, "--user", "www-data", "--portal", "web"];
    let output = setup(folder.path(), &[&arguments[..], &more[..]].concat(), "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["portal"], "web");
    assert!(told["commands"][0].as_str().unwrap().contains("usermod -aG resetd www-data"), "{told}");
    assert!(told["records"].as_array().unwrap().iter().all(|record| record["type"] != "MX"), "{told}");
    assert!(!text(&output.stdout).contains("hunter2") && !text(&output.stderr).contains("hunter2"));
    let written = fs::read_to_string(folder.path().join("resetd.toml")).unwrap();
    assert!(!written.contains("hunter2") && written.contains("\nreply_to = \"answers+{tag}@shop.example\"\n"), "{written}");
    for name in ["relay.password", "imap.password"] {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "hunter2 hunter2\n");
        assert_eq!(mode(&folder.path().join(name)), 0o400);
    }
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let answers = ["--title", "Shop", "--domain", "shop.example", "--out", "127.0.0.1", "--replies", "lmtp", "--user", "-"];
    for (more, wanted) in [
        (&["--page", "http://shop.example/{token}"][..], "reset_url"),
        (&["--portal", "No Name"], "--portal"),
        (&["--support", "reply@reply.shop.example"], "support_address"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = setup(folder.path(), &[&answers[..], more].concat(), "");
        assert!(!output.status.success() && text(&output.stderr).contains(wanted), "{}", text(&output.stderr));
        assert_eq!(names(folder.path()), [""; 0]);
    }
    // A question that nobody answers ends, and names its flag.
    let folder = tempfile::tempdir().unwrap();
    let output = setup(folder.path(), &["--title", "Shop"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--domain is needed"), "{}", text(&output.stderr));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn the_test_mail_is_answered() {
    let site = Site::new();
    let (socket, config) = (site.socket(), site.path().join("resetd.toml"));
    let mut command = Command::new(daemon::program("resetctl"));
    command.arg("--socket").arg(socket).args(["setup", "--send-to", "ann@mail.example", "--config"]).arg(config);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let sent = site.events().named("mail.sent");
    let id = sent["reset"].as_str().unwrap();
    let mail = site.outgoing().of_reset(id);
    assert_eq!(site.inspect(&mail.token()).expect(200).json()["account"], "resetctl-setup");
    site.hand_in(&Answer::to(&mail, "Got it, thank you!").build());
    let output = child.wait_with_output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert!(out.contains("mail.sent") && out.contains("inbound.read") && err.contains("Both ways work"), "{out}{err}");
    // Its link is not left lying about.
    assert_eq!(site.state(id), "revoked");
}
