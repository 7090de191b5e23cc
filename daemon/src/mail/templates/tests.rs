//! The built-in wordings keep every rule, an administrator's are held to them, and no value gets out of its place.

use std::fs;
use std::path::Path;

use resetd_core::reset::Method;
use tempfile::TempDir;

use super::check::inspect;
use super::*;

fn portal() -> PortalName {
    PortalName::parse("shop").unwrap()
}

fn render(wording: &str, values: &Values<'_>) -> Rendered {
    Library::builtin().unwrap().render(&portal(), wording, "en", values).unwrap()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn rules(folder: &Path) -> Vec<&'static str> {
    let mut rules: Vec<_> = check(folder).unwrap().into_iter().map(|problem| problem.rule.as_str()).collect();
    rules.dedup();
    rules
}

#[test]
fn the_built_in_wordings_keep_every_rule() {
    let library = Library::builtin().unwrap();
    let problems: Vec<String> = inspect(&library.builtin).iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let names: Vec<_> = library.wordings(None).into_iter().map(|wording| wording.name).collect();
    let expected = [
        "ack",
        "alert",
        "bare-link",
        "change-link",
        "changed",
        "code",
        "easy",
        "failed-logins",
        "friendly",
        "monitored",
        "tell-us",
        "time-limited",
    ];
    assert_eq!(names, expected);
}

#[test]
fn each_method_shows_its_secret_and_no_other() {
    let brand = sample_brand();
    for wording in ["easy", "code", "change-link", "bare-link", "tell-us", "time-limited", "monitored", "friendly", "failed-logins"] {
        for (method, link, code) in [(Method::Link, true, false), (Method::Code, false, true), (Method::Both, true, true)] {
            let values = Sample::new(&brand, method).values();
            let mail = render(wording, &values);
            assert_eq!(mail.text.contains("https://"), link, "{wording} {method:?}\n{}", *mail.text);
            assert_eq!(mail.html.contains("href=\"https://"), link, "{wording} {method:?}");
            assert_eq!(mail.text.contains("2718 0463"), code, "{wording} {method:?}");
            assert_eq!(mail.html.contains("2718 0463"), code, "{wording} {method:?}");
            assert_eq!(mail.text.ends_with("\n\n@shop.example #27180463\n"), code, "{wording} {method:?}\n{}", *mail.text);
            assert!(!mail.text.contains("\n\n\n") && !mail.text.contains(" \n"), "{wording}\n{}", *mail.text);
        }
    }
}
