//! `resetctl inbound classify` and `explain` as a person and a program use them: files, folders, mboxes, standard input.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const DENIAL: &str = "From: Jane <jane@home.example>\nTo: reply@acme.example\nSubject: Re: Reset your password\n\
    In-Reply-To: <1@acme.example>\n\nThat was not me.\n\nSent from my iPhone\n\nOn Mon, 4 Mar 2024 at 11:10, Acme <a@acme.example> wrote:\n\
    > If this wasn't you, answer this mail.\n";
const AWAY: &str = "From: jim@home.example\nSubject: Automatic reply: Reset\nAuto-Submitted: auto-replied\n\nI am away until Monday.\n";

fn resetctl(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_resetctl"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn field<'v>(objects: &'v [Value], name: &str) -> Vec<&'v str> {
    objects.iter().map(|object| object[name].as_str().unwrap_or("null")).collect()
}

#[test]
fn an_mbox_a_folder_and_standard_input_give_one_object_a_message_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let mbox = format!("From a@b Thu Nov 26 10:00:00 2026\n{AWAY}\nFrom a@b Thu Nov 26 10:00:01 2026\n{DENIAL}");
    put("a.mbox", &mbox);
    put("b.eml", DENIAL);
    let path = folder.path().to_str().unwrap();

    let output = resetctl(&["inbound", "classify", "--json", path, "-"], AWAY);
    assert!(output.status.success());
    let found = objects(&output);
    assert_eq!(field(&found, "kind"), ["auto_reply", "reply", "reply", "auto_reply"]);
    assert_eq!(field(&found, "verdict"), ["null", "not_me", "not_me", "null"]);
    let names: Vec<&str> = field(&found, "file").into_iter().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["a.mbox#1", "a.mbox#2", "b.eml", "-"]);
    assert_eq!(found[1]["text"], "That was not me.");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "4 messages: 2 auto_reply, 2 reply (2 not_me)\n");
    assert_eq!(field(&objects(&resetctl(&["inbound", "classify", "--json", "-"], &mbox)), "file"), ["-#1", "-#2"]);
}

#[test]
fn a_person_gets_a_table_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("1"), DENIAL).unwrap();
    std::fs::write(folder.path().join("2"), AWAY).unwrap();
    let output = resetctl(&["inbound", "classify", folder.path().to_str().unwrap()], "");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("KIND"), "{text}");
    assert!(text.ends_with("\n2 messages: 1 auto_reply, 1 reply (1 not_me)\n"), "{text}");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.eml"), DENIAL).unwrap();
    let missing_file = folder.path().join("gone.eml");
    let missing = resetctl(&["inbound", "classify", missing_file.to_str().unwrap()], "");
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("gone.eml"));
    if Path::new("/proc/self/mem").exists() {
        // Opens, and fails when it is read.
        let output = resetctl(&["inbound", "classify", "--json", "/proc/self/mem", folder.path().to_str().unwrap()], "");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(field(&objects(&output), "verdict"), ["not_me"]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("/proc/self/mem"));
    }
}

#[test]
fn explain_shows_signs_lines_and_weights() {
    let output = resetctl(&["inbound", "explain", "-"], DENIAL);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "kind",
        "not_me",
        "weighed",
        "“",
        "refers_to_message",
        "typed       | That was not me.",
        "signature   | Sent from my iPhone",
        "attribution | On Mon",
        "quote       | > If",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let found = objects(&resetctl(&["--json", "inbound", "explain", "-"], AWAY)).remove(0);
    assert_eq!(found["kind"], "auto_reply");
    assert_eq!(found["signs"][0]["name"], "auto_submitted_replied");
    assert_eq!(found["signs"][0]["decided"], true);
    assert!(found["probabilities"].is_null());
}
