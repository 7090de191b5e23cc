//! An administrator's own wordings: what is broken in them never stops a mail, and is told where people look.

use std::fs;

use resetd_tests::{Config, Site};

/// A portal with these files of its own.
fn site(folder: &tempfile::TempDir, files: &[(&str, &str)]) -> Site {
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Site::with(&Config::new().shop(&format!("templates = {:?}", folder.path())))
}

#[test]
fn a_broken_one_stops_no_mail_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(&folder, &[("easy/mail.html", "{% if %}"), ("easy/mail.txt", "no link at all")]);
    let (_, mail) = site.mailed("ann");
    assert!(mail.has_secret() && mail.html().contains("<a class=\"button\""), "the built-in one");

    let mut client = site.client();
    let problems = client.get("/v1/status").expect(200).json()["problems"].to_string();
    assert!(problems.contains("easy/mail.html") && problems.contains("the built-in one is"), "{problems}");
    let metrics = client.get("/metrics").expect(200).text();
    let count = metrics.lines().find_map(|line| line.strip_prefix("resetd_wording_problems ")).unwrap();
    assert!(count.parse::<u32>().unwrap() > 0);
    assert!(site.log().contains("wording.problem"));
}

#[test]
fn one_sentence_can_be_changed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(&folder, &[("locales/en.toml", "[easy]\nsubject = \"Your new start at {portal}\"\n")]);
    let mail = site.mailed("ann").1;
    assert_eq!(mail.subject(), "Your new start at Example shop");
    assert!(mail.has_secret());
    let status = site.client().get("/v1/status").expect(200).json();
    assert_eq!(status["problems"], serde_json::json!([]));
    assert!(site.client().get("/metrics").expect(200).text().contains("\nresetd_wording_problems 0\n"));
}

#[test]
fn a_logo_goes_with_the_mail_and_loads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.png");
    fs::write(&logo, b"\x89PNG\r\n\x1a\npicture").unwrap();
    let site = Site::with(&Config::new().shop(&format!("logo = {logo:?}")));
    let mail = site.mailed("ann").1;
    assert!(mail.html().contains("src=\"cid:logo@") && !mail.html().contains("src=\"http"));
    let parsed = mail.parsed();
    assert_eq!(parsed.attachments().next().unwrap().contents(), b"\x89PNG\r\n\x1a\npicture");
}
