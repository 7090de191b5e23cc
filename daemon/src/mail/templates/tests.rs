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
    let problems: Vec<String> = inspect(&library.builtin, None).iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let languages = Files::builtin().locales().count();
    assert!(library.wordings(None).iter().all(|wording| wording.locales.len() == languages));
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

/// An administrator's wording that keeps every rule.
const OWN_HTML: &str = r#"{% extends "layout.html" %}{% block body %}<p>Moin {{ who }}</p>{% if link %}{% include "button.html" %}{% endif %}{% if code %}{% include "code.html" %}{% endif %}<p>{% if expires %}{% include "expires.html" %}{% endif %}</p>{% block not_you %}<p>{{ t.not_you }}</p>{% endblock %}{% endblock %}"#;
const OWN_TEXT: &str = "{% extends \"layout.txt\" %}{% block body %}Moin {{ who }}\n\n{% include \"secret.txt\" %}\n\n\n{% include \"expires.txt\" %}\n\n{% block not_you %}{{ t.not_you }}{% endblock %}{% endblock %}";
const OWN_EN: &str = "[own]\nsubject = \"Moin from {portal}\"\nnot_you = \"Not you? Ignore this mail or answer it.\"\n";

fn own(change: impl FnOnce(&mut [(&'static str, String); 3])) -> TempDir {
    let mut files = [("own/mail.html", OWN_HTML.to_owned()), ("own/mail.txt", OWN_TEXT.to_owned()), ("locales/en.toml", OWN_EN.to_owned())];
    change(&mut files);
    folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())))
}

#[test]
fn an_administrators_wording_is_used() {
    let folder = own(|_| ());
    assert_eq!(check(folder.path()).unwrap(), []);
    let (library, problems) = Library::load(&[(portal(), folder.path().to_owned())]).unwrap();
    assert_eq!(problems, []);
    let other = PortalName::parse("other").unwrap();
    assert!(library.has(&portal(), "own") && !library.has(&other, "own") && library.has(&other, "easy"));
    let info = library.wordings(Some(&portal())).into_iter().find(|info| info.name == "own").unwrap();
    assert_eq!((info.source, info.kind, info.problem, info.locales), (Source::Override, Kind::Reset, None, vec!["en".to_owned()]));
    let brand = sample_brand();
    let values = Sample::new(&brand, Method::Link).values();
    let mail = library.render(&portal(), "own", "fr-CA", &values).unwrap();
    assert_eq!((mail.subject.as_str(), mail.locale.as_str()), ("Moin from Example Shop", "en"));
    assert!(mail.text.contains("Moin anna.kovacs@mail.example\n\nhttps://"), "{}", *mail.text);
    assert!(matches!(library.render(&other, "own", "en", &values), Err(RenderError::Unknown(_))));
}

#[test]
fn a_broken_wording_is_told_and_never_stops_a_mail() {
    let folder = folder(&[
        ("easy/mail.html", "{% extends \"layout.html\" %}\n{% block body %}\n{% if %}"),
        ("easy/mail.txt", "x"),
        ("mine/mail.html", "{{ nonsense }}"),
        ("mine/mail.txt", "{{ nonsense }}"),
        ("locales/en.toml", "[mine]\nsubject = \"Mine\""),
    ]);
    let (library, problems) = Library::load(&[(portal(), folder.path().to_owned())]).unwrap();
    let syntax = problems.iter().find(|problem| problem.rule == Rule::Syntax).unwrap();
    assert_eq!((syntax.file.as_path(), syntax.line), (folder.path().join("easy/mail.html").as_path(), Some(3)));
    let brand = sample_brand();
    let values = Sample::new(&brand, Method::Both).values();
    let builtin = render("easy", &values);
    for wording in ["easy", "mine"] {
        let mail = library.render(&portal(), wording, "en", &values).unwrap();
        assert_eq!((&*mail.text, &*mail.html), (&*builtin.text, &*builtin.html), "{wording}");
        let info = library.wordings(Some(&portal())).into_iter().find(|info| info.name == wording).unwrap();
        assert!(info.source == Source::Builtin && info.problem.is_some(), "{info:?}");
    }
    let gone = Library::load(&[(portal(), folder.path().join("gone"))]).unwrap();
    assert_eq!(gone.1.len(), 1);
    assert!(gone.0.render(&portal(), "easy", "en", &values).is_ok());
}

#[test]
fn every_rule_can_be_broken() {
    let html = |from: &'static str, to: &'static str| own(move |files| files[0].1 = files[0].1.replace(from, to));
    let text = |from: &'static str, to: &'static str| own(move |files| files[1].1 = files[1].1.replace(from, to));
    let strings = |from: &'static str, to: &'static str| own(move |files| files[2].1 = files[2].1.replace(from, to));
    let end = "</p>{% endblock %}{% endblock %}";
    let cases = [
        (folder(&[("own/mail.txt", OWN_TEXT), ("locales/en.toml", OWN_EN)]), "both-parts"),
        (strings("subject =", "title ="), "strings"),
        (html("Moin", "{{ t.hello }} {{ nonsense }}"), "strings"),
        (html("Moin", "{{ nonsense }}"), "placeholders"),
        (html("Moin", "{{ name }}"), "placeholders"),
        (strings("Moin", "{nonsense}"), "placeholders"),
        (strings("Moin from", &"x".repeat(70).leak()[..]), "subject"),
        (strings("Moin from {portal}", ""), "subject"),
        (html("{% block not_you %}<p>{{ t.not_you }}</p>{% endblock %}", "<p>a</p>"), "not-you"),
        (text("{% block not_you %}{{ t.not_you }}{% endblock %}", "a"), "not-you"),
        (html("Moin", "a<br>b<br>c<br>"), "body-lines"),
        (text("Moin", "a\nb\nc\n"), "body-lines"),
        (text("{{ who }}", "you"), "address"),
        (text("{% include \"expires.txt\" %}", "Soon"), "expiry"),
        (text("{% include \"secret.txt\" %}", ""), "secret"),
        (text("Moin", "{{ link | default(\"\") }} Moin"), "secret"),
        (html("Moin", "<a href=\"https://evil.example\">x</a>"), "secret"),
        (html("Moin", "<a href=\"javascript:alert(1)\">x</a>"), "secret"),
        (html("Moin", "https://other.example/ Moin"), "secret"),
        (text("{% include \"secret.txt\" %}", "{% if link %}Go: {{ link }}{% endif %}\n\n{% if code %}{{ code }}{% endif %}"), "link-line"),
        (html("Moin", "<img src=\"https://evil.example/x.png\">"), "remote"),
        (html("Moin", "<img src=//evil.example/x.png>"), "remote"),
        (html("Moin", "<b style=\"background:url(https://evil.example)\">x</b>"), "remote"),
        (html("Moin", "<style>@import 'x'</style>"), "remote"),
        (html("Moin", "<!--[if mso]><img src=x><![endif]-->"), "remote"),
        (html("Moin", "<script>x</script>"), "active"),
        (html("Moin", "<form>x</form>"), "active"),
        (html("Moin", "<b onclick=x>x</b>"), "active"),
        (html("Moin", "<b title={{ who }}>x</b>"), "injection"),
        (html("Moin", "{{ \"<b></b>\" * 4000 }}"), "size"),
        (html("Moin", "{{ \"x\" * 100000000 }}"), "syntax"),
        (html("Moin", "{% include \"../../../etc/passwd\" %}"), "syntax"),
        (html("Moin", "{% include \"/etc/passwd\" %}"), "syntax"),
        (html("Moin", "{{ who | safe }}"), "syntax"),
        (html(end, ""), "syntax"),
        (folder(&[("layout.txt", "{% block body %}{% endblock %}")]), "secret"),
        (folder(&[("locales/en.toml", "[common]\nexpires_link = \"Soon.\"")]), "expiry"),
    ];
    for (index, (folder, rule)) in cases.iter().enumerate() {
        let found = rules(folder.path());
        assert!(found.contains(rule), "case {index}: {rule} not in {found:?}");
    }
}

#[test]
fn no_value_gets_out_of_its_place() {
    const HOSTILE: &str = "<b>{{ 7*7 }}</b>{% raw %}\"'>&\r\nBcc: x@y.example\u{202e}\0";
    let brand = Brand::new(&Look {
        logo: None,
        title: HOSTILE,
        company: Some(HOSTILE),
        domain: "shop.example",
        support: "help@shop.example",
        familiar: false,
        locale: "en",
        color: "red;}</style><script>",
    });
    for wording in Library::builtin().unwrap().wordings(None) {
        let facts = Facts { words: Some(HOSTILE), reason: Some(HOSTILE), severity: Some(HOSTILE), ip: Some(HOSTILE), ..Facts::default() };
        let sample = Sample::new(&brand, Method::Both).values();
        let mail = render(&wording.name, &Values { name: Some(HOSTILE), account: Some(HOSTILE), facts, ..sample });
        assert!(!mail.html.contains("<b>") && !mail.html.contains("<script"), "{}", *mail.html);
        assert!(!mail.html.contains(">49<") && !mail.text.contains("49"), "{}", wording.name);
        for part in [&mail.subject, &*mail.text, &*mail.html] {
            assert!(!part.contains(['\u{202e}', '\0', '\r']), "{}: {part:?}", wording.name);
            assert!(!part.contains("\nBcc"), "{}: {part}", wording.name);
        }
        assert!(!mail.subject.contains('\n'), "{:?}", mail.subject);
    }
}

#[test]
fn a_name_that_is_a_lure_is_not_greeted() {
    let brand = sample_brand();
    let mail = render("easy", &Values { name: Some("You won! see evil.example"), ..Sample::new(&brand, Method::Link).values() });
    assert!(mail.text.starts_with("Hello,\n") && !mail.html.contains("evil"), "{}", *mail.text);
}

#[test]
fn a_login_is_shown_instead_of_the_address() {
    let brand = sample_brand();
    let sample = Sample::new(&brand, Method::Link).values();
    assert!(render("easy", &Values { account: Some("anna77"), ..sample }).text.contains("password for anna77 is"));
    assert!(render("easy", &Values { account: Some("4711"), ..sample }).text.contains("password for anna.kovacs@mail.example is"));
}

#[test]
fn numbers_take_their_form() {
    let brand = sample_brand();
    let sample = Sample::new(&brand, Method::Link).values();
    let text = |minutes| render("easy", &Values { link_minutes: minutes, ..sample }).text.to_string();
    assert!(text(Some(1)).contains("within the next minute."));
    assert!(text(Some(2)).contains("within the next 2 minutes."));
    assert!(!text(None).contains("works") && !text(Some(0)).contains("works"));
}

#[test]
fn a_language_is_used_only_whole() {
    let part = folder(&[("locales/is.toml", "[easy]\nsubject = \"Neues Passwort\"\n")]);
    let brand = sample_brand();
    let values = Sample::new(&brand, Method::Link).values();
    let (library, problems) = Library::load(&[(portal(), part.path().to_owned())]).unwrap();
    assert_eq!(library.render(&portal(), "easy", "is-IS", &values).unwrap().locale, "en");
    assert_eq!(problems.iter().map(|problem| problem.rule).collect::<Vec<_>>(), [Rule::Incomplete]);
    assert!(problems[0].message.contains("[easy] button") || problems[0].message.contains("[easy] lead_both"), "{}", problems[0]);
    let icelandic =
        include_str!("../../../../templates/locales/en.toml").replace("Reset your {portal} password", "Neues Passwort für {portal}");
    let whole = folder(&[("locales/is.toml", &icelandic)]);
    let (library, problems) = Library::load(&[(portal(), whole.path().to_owned())]).unwrap();
    assert_eq!(problems, []);
    let mail = library.render(&portal(), "easy", "is-IS", &values).unwrap();
    assert_eq!((mail.locale.as_str(), mail.subject.as_str()), ("is", "Neues Passwort für Example Shop"));
    assert!(mail.html.contains("<html lang=\"is\" dir=\"ltr\">"));
}

#[test]
fn acknowledgements_tell_what_was_done() {
    let brand = sample_brand();
    let text = |state, revoked| {
        let facts = Facts { state: Some(state), revoked, ..Facts::default() };
        render("ack", &Values { facts, ..Values::new(&brand, "anna@mail.example") }).text.to_string()
    };
    assert!(text("sent", true).contains("no longer works"));
    assert!(text("redeemed", true).contains("already been used"));
    assert!(text("expired", false).contains("is looking at it"));
}

#[test]
fn the_texts_by_method_are_as_they_were() {
    let brand = sample_brand();
    for (method, name) in [(Method::Link, "link"), (Method::Code, "code")] {
        let mut all = String::new();
        for wording in Library::builtin().unwrap().wordings(None).iter().filter(|wording| wording.kind == Kind::Reset) {
            let mail = render(&wording.name, &Sample::new(&brand, method).values());
            all.push_str(&format!("=== {}\nSubject: {}\n\n{}\n", wording.name, mail.subject, *mail.text));
        }
        insta::assert_snapshot!(name, all);
    }
}

#[test]
fn support_sees_the_account_as_the_application_calls_it() {
    let brand = sample_brand();
    let alert = |account| render("alert", &Values { account, ..Values::new(&brand, "") }).text.to_string();
    assert!(alert(Some("4711")).contains("Account: 4711\n"));
    assert!(alert(None).starts_with("Someone answered a mail of Example Shop, and it needs a look.\n"), "{}", alert(None));
}

#[test]
fn what_cannot_be_seen_is_told_and_still_used() {
    let page = "{% extends 'layout.html' %}{% block body %}<p style=\"color:#dddddd\">{{ t.lead }}</p><img src=\"data:image/png;base64,x\"><b>\
                {% include 'button.html' %}{% endblock %}";
    let text = include_str!("../../../../templates/easy/mail.txt");
    let folder = folder(&[("easy/mail.html", page), ("easy/mail.txt", text)]);
    let found = rules(folder.path());
    for rule in ["alt", "contrast", "markup"] {
        assert!(found.contains(&rule), "{rule}: {found:?}");
    }
}
