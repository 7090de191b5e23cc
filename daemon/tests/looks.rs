//! Every wording in every language as it is sent, before the programs that people and receivers look at mail with: Chromium and
//! axe-core, Python's `email`, SpamAssassin. Run with `cargo test -p resetd --test looks -- --ignored --nocapture` where they are
//! installed (`tests/run` says what it takes).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;
use mail_parser::{MessageParser, MimeHeaders};
use resetd::config::{Logo, Sender};
use resetd::mail::compose::{Auto, Head, compose};
use resetd::mail::templates::{Brand, Kind, Library, Look, Sample, Values, sample_brand};
use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::PortalName;
use resetd_core::reset::Method;
use resetd_core::time::Timestamp;
use serde::Serialize;

/// One mail, as it was sent and as a client shows it.
#[derive(Serialize)]
struct Mail {
    name: String,
    locale: String,
    wording: String,
    /// `link`, `code`, `both`; of a notice nothing.
    method: &'static str,
    /// `plain`, `familiar` (in the languages that have it) with a logo, or `long` for names and addresses that need all the room there is.
    variant: &'static str,
    subject: String,
    html: String,
    #[serde(skip)]
    message: Vec<u8>,
}

/// Where names and addresses of great length are tried: what fits in these fits in all.
const LONG_IN: [&str; 5] = ["ar", "de", "el", "en", "ja"];

/// A picture of 180×60 pixels.
const LOGO: &[u8] = b"iVBORw0KGgoAAAANSUhEUgAAALQAAAA8CAIAAABATAfQAAAAg0lEQVR42u3SAQkAAAgEsW9iNFubxwIWEAZLcFyqB06RAHNgDsyBOTAH5sAcmANzYA4wB+bAHJgDc2AOzIE5MAfmAHNgDsyBOTAH5sAcmANzYA4wB+bAHJgDc2AOzIE5MAfmwBxgDsyBOTAH5sAcmANzYA7MAebAHJgDc2AOzIE5+GoB2t8LCZqgZUQAAAAASUVORK5CYII=";

/// On familiar terms, and with a logo.
fn familiar_brand() -> Brand {
    let logo = Logo { media_type: "image/png", bytes: BASE64.decode(LOGO).unwrap().into() };
    let familiar = Look { familiar: true, logo: Some(&logo), ..look("Example Shop", "shop.example", "help@shop.example") };
    Brand::new(&familiar)
}

fn look<'a>(title: &'a str, domain: &'a str, support: &'a str) -> Look<'a> {
    Look { title, company: Some("Example Trading Ltd"), domain, support, locale: "en", familiar: false, color: "#1f5fd6", logo: None }
}

/// Words without a blank, as German compounds and addresses of large companies are.
fn long_brand() -> Brand {
    let title = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau";
    Brand::new(&look(title, "donaudampfschifffahrt.example", "kundenbetreuung.passwortfragen@donaudampfschifffahrtsgesellschaft.example"))
}

/// Every wording × language × what it holds; the familiar ones and the long ones with link and code.
fn mails() -> Vec<Mail> {
    let library = Library::builtin().unwrap();
    let (plain, familiar, long) = (sample_brand(), familiar_brand(), long_brand());
    let mut all = Vec::new();
    for wording in library.wordings(None) {
        let reset = wording.kind == Kind::Reset;
        let methods: &[_] = if reset { &[Method::Link, Method::Code, Method::Both] } else { &[Method::Both] };
        for locale in &wording.locales {
            for &method in methods {
                all.push(mail(&library, &wording.name, wording.kind, locale, method, ("plain", &plain)));
            }
            all.push(mail(&library, &wording.name, wording.kind, locale, Method::Both, ("familiar", &familiar)));
            if LONG_IN.contains(&locale.as_str()) {
                all.push(mail(&library, &wording.name, wording.kind, locale, Method::Both, ("long", &long)));
            }
        }
    }
    all
}

fn mail(library: &Library, wording: &str, kind: Kind, locale: &str, method: Method, (variant, brand): (&'static str, &Brand)) -> Mail {
    let mut values = Sample::new(brand, method).values();
    if kind != Kind::Reset {
        values = Values { link: None, code: None, link_minutes: None, code_minutes: None, ..values };
    }
    if kind == Kind::Alert {
        values.reply_to = None;
    }
    let address = if variant == "long" {
        "maximiliane.von-und-zu-hohenlohe-langenburg@verwaltung.donaudampf.example"
    } else {
        "anna.kovacs@mail.example"
    };
    values.email = address;
    let rendered = library.render(&PortalName::parse("shop").unwrap(), wording, locale, &values).unwrap();
    let method = match method {
        _ if kind != Kind::Reset => "",
        Method::Link => "link",
        Method::Code => "code",
        Method::Both => "both",
    };
    let name = format!("{locale}.{wording}{}{method}.{variant}", if method.is_empty() { "" } else { "." });
    let from = Sender { name: DisplayName::parse("Example Shop").unwrap(), address: Mailbox::parse("no-reply@shop.example").unwrap() };
    let (to, to_name) = (Mailbox::parse(address).unwrap(), DisplayName::parse("Anna Kovács").unwrap());
    let head = Head {
        from: &from,
        to: &to,
        to_name: Some(&to_name),
        reply_to: "reply+ra7h3k5m2q4t6v8x2z4b6d8f2h4k6m8p2r4t6v8x2z4@reply.shop.example",
        message_id: &format!("{name}@shop.example"),
        date: Timestamp::from_millis(1_795_455_840_000),
        auto: if kind == Kind::Ack { Auto::Replied { in_reply_to: Some("1@mail.example") } } else { Auto::Generated },
        feedback: &format!("{wording}:shop:reset"),
        valid_since: None,
        attachment: (kind == Kind::Alert).then_some(b"From: anna.kovacs@mail.example\r\nSubject: Re: x\r\n\r\nThat wasn't me!\r\n"),
    };
    let message = compose(&head, &rendered).unwrap().to_vec();
    let html = as_shown(&message);
    Mail { name, locale: rendered.locale, wording: wording.to_owned(), method, variant, subject: rendered.subject, html, message }
}

/// The HTML part as mail-parser finds it, with the pictures that stand beside it.
fn as_shown(message: &[u8]) -> String {
    let parsed = MessageParser::default().parse(message).unwrap();
    assert!(!parsed.parts.iter().any(|part| part.is_encoding_problem), "{}", String::from_utf8_lossy(message));
    assert!(parsed.body_text(0).is_some_and(|text| text.len() > 80));
    let mut html = parsed.body_html(0).unwrap().replace("\r\n", "\n");
    for part in &parsed.parts {
        if let (Some(id), Some(kind)) = (part.content_id(), part.content_type()) {
            let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
            assert!(html.contains(&format!("cid:{id}")), "a picture that the page does not show");
            html = html.replace(&format!("cid:{id}"), &format!("data:{kind};base64,{}", BASE64.encode(part.contents())));
        }
    }
    assert!(!html.contains("cid:"), "a picture that the mail does not carry");
    html
}

/// One file for each message, and one with all that a browser shows.
fn written(folder: &Path) -> usize {
    let mails = mails();
    std::fs::create_dir(folder.join("messages")).unwrap();
    for mail in &mails {
        std::fs::write(folder.join("messages").join(format!("{}.eml", mail.name)), &mail.message).unwrap();
    }
    std::fs::write(folder.join("mails.json"), serde_json::to_vec(&mails).unwrap()).unwrap();
    mails.len()
}

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/looks").join(name)
}

/// Writes the mails, has a program look at them, and fails with what it found.
fn look_with(program: &str, script: &str, arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let count = written(folder.path());
    let run = Command::new(program).arg(tool(script)).arg(folder.path()).args(arguments).output().expect(program);
    let (said, wrong) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    println!("{count} mails\n{said}");
    assert!(run.status.success(), "{script}: {}\n{said}\n{wrong}", run.status);
    // A program that saw none finds no fault either.
    assert!(said.contains(&format!("{count} mails")), "{script} did not see all of {count}: {said}");
}

#[test]
#[ignore = "needs chromium, node"]
fn chromium_and_axe_find_nothing_wrong() {
    look_with("node", "look.js", &[]);
}

#[test]
#[ignore = "needs python3"]
fn python_reads_them_by_its_strict_policy() {
    look_with("/usr/bin/python3", "strict.py", &[]);
}

#[test]
#[ignore = "needs spamassassin"]
fn spamassassin_sees_no_fault_of_structure() {
    look_with("/usr/bin/perl", "spam.pl", &[]);
}

/// The pictures under docs/mails, made anew where `LOOKS_SHEET` names a folder for them.
#[test]
#[ignore = "needs chromium, node"]
fn the_contact_sheet_can_be_made() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = std::env::var("LOOKS_SHEET").unwrap_or_else(|_| scratch.path().display().to_string());
    look_with("node", "sheet.js", &[&folder]);
    for picture in ["wordings.webp", "languages-1.webp"] {
        assert!(std::fs::metadata(Path::new(&folder).join(picture)).unwrap().len() > 10_000, "{picture}");
    }
}
