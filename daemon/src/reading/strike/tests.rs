use data_encoding::{BASE64, BASE64URL_NOPAD};

use super::{Secrets, strike, strike_text};

const TOKEN: &str = "q7Zk3-VbXw_R2mNcT0yHsJ8uLdEfGiA1oPzQ5xCvB9nM4tKrWjYhSgUaI6De";
const CODE: &str = "40718263";

struct Fake;

impl Secrets for Fake {
    fn is_token(&self, candidate: &str) -> bool {
        candidate == TOKEN
    }
    fn token_len(&self) -> usize {
        60
    }
    fn is_code(&self, digits: &str) -> bool {
        digits == CODE
    }
    fn is_link(&self, url: &str) -> bool {
        url.starts_with("https://portal.example/reset")
    }
}

fn link() -> String {
    format!("https://portal.example/reset?token={TOKEN}")
}

/// Reads a result in every way that comes to mind; the secret must be in none.
fn assert_clean(result: &str, what: &str) {
    let mut forms = vec![result.to_owned()];
    let tight: String = result.chars().filter(|c| !c.is_whitespace() && *c != '>').collect();
    forms.push(tight.clone());
    let mut qp = crate::reading::transfer::quoted_printable(result.as_bytes());
    forms.push(String::from_utf8_lossy(&qp).into_owned());
    qp.retain(|byte| !byte.is_ascii_whitespace());
    forms.push(String::from_utf8_lossy(&qp).into_owned());
    forms.push(crate::reading::html::decode_entities(result).into_owned());
    for text in [result, &tight] {
        let alphabet: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || "+/-_".contains(*c)).collect();
        for offset in 0..4.min(alphabet.len()) {
            let decoded = crate::reading::transfer::base64(&alphabet.as_bytes()[offset..]).unwrap_or_default();
            forms.push(String::from_utf8_lossy(&decoded).into_owned());
        }
    }
    for form in forms {
        let digits: String = form.chars().filter(char::is_ascii_digit).collect();
        let bones: String = form.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        assert!(!bones.contains(TOKEN), "{what}: token in {form}");
        assert!(!form.contains(TOKEN), "{what}: token in {form}");
        assert!(!digits.contains(CODE), "{what}: code in {form}");
    }
}

fn wrap(text: &str, columns: usize, prefix: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(columns).map(|line| format!("{prefix}{}", line.iter().collect::<String>())).collect::<Vec<_>>().join("\n")
}

fn qp(text: &str) -> String {
    text.bytes().map(|byte| format!("={byte:02X}")).collect()
}

fn entities(text: &str) -> String {
    text.chars().map(|c| format!("&#{};", c as u32)).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn texts_lose_tokens_and_codes_however_written() {
    let link = link();
    let wide: String = CODE.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0xff10).unwrap()).collect();
    let arabic: String = CODE.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0x660).unwrap()).collect();
    let shy: String = TOKEN.chars().flat_map(|c| [c, '\u{ad}']).collect();
    let zero: String = CODE.chars().flat_map(|c| [c, '\u{200b}']).collect();
    let cases = [
        link.clone(),
        format!("> {link}\n> code 4071 8263"),
        wrap(&link, 72, "> "),
        wrap(&link, 76, "> > "),
        wrap(&link, 40, "| "),
        "4071-8263".to_owned(),
        "4071\u{a0}8263".to_owned(),
        "407 182 63 and 4-0-7-1-8-2-6-3".to_owned(),
        "4071\n> 8263".to_owned(),
        "*4071* *8263*".to_owned(),
        "➍⓿➆➊ ⑻⒉🄇③".to_owned(),
        "<b>4071</b> <span style=\"x\">8263</span>".to_owned(),
        wide,
        arabic,
        zero,
        shy,
        TOKEN.replace('V', "<wbr>V").replace('T', "<b>T</b>"),
        TOKEN.replace('V', "\u{200b}V"),
        percent(&link),
        percent(&percent(TOKEN)),
        qp(&link),
        qp(CODE),
        entities(&link),
        entities(CODE),
        entities(&percent(CODE)),
        format!("{}=\n{}", &TOKEN[..30], &TOKEN[30..]),
        BASE64.encode(link.as_bytes()),
        BASE64.encode(format!("x{CODE}").as_bytes()),
        BASE64URL_NOPAD.encode(CODE.as_bytes()),
        format!("Hi Bob,\n{}", wrap(&BASE64.encode(format!("Your code is {CODE}, link {link}").as_bytes()), 76, "> ")),
        BASE64.encode(BASE64.encode(format!("see {link} now").as_bytes()).as_bytes()),
        format!("https://eur01.safelinks.protection.outlook.com/?url={}&data=05%7C01", percent(&link)),
        format!("https://urldefense.com/v3/__{link}__;!!abc$"),
        format!(
            "https://urldefense.proofpoint.com/v2/url?u=https-3A__portal.example_reset-3Ftoken-3D{}&d=Dw",
            TOKEN.replace('-', "-2D").replace('_', "-5F")
        ),
        format!("https://click.example/t?u={}", BASE64URL_NOPAD.encode(link.as_bytes())),
        format!("A{TOKEN}B{TOKEN}"),
        format!("{CODE}{CODE}"),
    ];
    for case in cases {
        for text in [case.clone(), format!("It was not me!\n\n{case}\n\nBob"), format!("aB3{case}zZ9")] {
            assert_clean(&strike_text(&text, &Fake), &text);
        }
    }
}

#[test]
fn words_stay_and_links_of_others_too() {
    let text = "It wasn't me, 12 May 2024 10:30. See https://other.example/a?b=1 or call +49 30 1234567.";
    assert_eq!(strike_text(text, &Fake), text);
    let struck = strike_text(&format!("Not me!\n> Click {} now\n> or type 4071 8263.", link()), &Fake);
    assert_eq!(struck, "Not me!\n> Click [link removed] now\n> or type [code removed].");
}

#[test]
fn what_is_cut_off_leaves_no_piece_of_a_secret() {
    for missing in 1..20 {
        let text = format!("{}{TOKEN} {CODE}", "x ".repeat((super::TEXT_BYTES - TOKEN.len() + missing) / 2));
        let struck = strike_text(&text, &Fake);
        assert!(!struck.contains(&TOKEN[..20]), "{missing}");
        let raw = message(&format!("Content-Type: image/png; name=\"{}{TOKEN}.png\"", "x ".repeat(115 + missing)), "");
        let note = strike(&raw, &Fake).left_out.concat();
        assert!(!note.contains(&TOKEN[..20]), "{note}");
    }
    assert!(strike_text(&"x ".repeat(super::TEXT_BYTES), &Fake).len() < super::TEXT_BYTES + 20);
}

#[test]
fn links_that_a_scanner_put_in_the_place_of_ours_go() {
    for link in [
        "https://protect-eu.mimecast.com/s/AbC1?domain=portal.example",
        "https://url.uk.m.mimecastprotect.com/s/AbC1",
        "https://protect.checkpoint.com/v2/r02/___myyux:ddutwyfq.jcfruqj___.abc",
        "https://ATPSCAN.global.hornetsecurity.com./?d=abc&f=def",
        "https://mx.their.example/fmlurlsvc/?fewReq=:B:JVs7",
        "<https://linkscan.io/scan/ux/aHR0>",
    ] {
        let struck = strike_text(&format!("not me\n> Click {link} now"), &Fake);
        assert!(struck.contains("> Click") && struck.contains("[link removed]") && !struck.contains("://"), "{struck}");
    }
    for link in ["https://notmimecast.com/a", "https://mimecast.com.evil.example/a"] {
        assert!(strike_text(link, &Fake).contains(link), "{link}");
    }
}

fn message(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "From: Bob <bob@b.example>\r\nSubject: Re: =?utf-8?B?{}?=\r\n{headers}\r\n\r\n{body}",
        BASE64.encode(format!("Code {CODE}").as_bytes())
    )
    .into_bytes()
}

#[test]
fn messages_are_rebuilt_without_secrets() {
    let link = link();
    let html = format!(
        "<html><body><p>Not me</p><blockquote>Click <a href=\"{}\">here &#52;&#48;71<wbr>82<b>6</b>3</a> {}</blockquote></body></html>",
        link.replace('R', "&#82;"),
        TOKEN.replace('X', "<span>X</span>").replace('M', "&shy;M")
    );
    let inner = format!("Subject: {CODE} is your code\r\nMessage-ID: <{TOKEN}@x>\r\nX-Link: {link}\r\n\r\nGo to {link}\r\n");
    let cases = [
        message("Content-Type: text/plain", &format!("Not me\r\n> {link}\r\n> {CODE}")),
        message("Content-Type: text/html\r\nContent-Transfer-Encoding: base64", &BASE64.encode(html.as_bytes())),
        message("Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable", &qp(&html)),
        message("Content-Type: text/html", &html),
        message("Content-Type: message/rfc822", &inner),
        message("Content-Type: text/rfc822-headers", &inner),
        message("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", &BASE64.encode(inner.as_bytes())),
        message(
            "Content-Type: multipart/mixed; boundary=b",
            &format!(
                "--b\r\nContent-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b\r\nContent-Type: image/png; name=\"{CODE}.png\"\r\n\r\n{link}\r\n--b--",
                BASE64.encode(&link.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
            ),
        ),
        message("Content-Type: text/plain; charset=utf-7", &format!("code {CODE} {link}")),
        message("Content-Type: application/octet-stream", &link),
        message("Content-Type: text/rtf", &format!("{{\\rtf1 4071\\u160?8263 {}}}", TOKEN.replace('-', "\\'2d"))),
        message("Content-Type: multipart/alternative; boundary=nowhere", &format!("{link} {CODE}")),
        format!("{link}\n\n{CODE}").into_bytes(),
    ];
    for raw in cases {
        let struck = strike(&raw, &Fake);
        let shown = format!("{:?}", struck);
        assert_clean(&shown, &String::from_utf8_lossy(&raw));
        let made = String::from_utf8(struck.to_message()).unwrap();
        assert!(made.lines().all(|line| line.len() <= 78), "{made}");
        let (head, body) = made.split_once("\r\n\r\n").unwrap();
        assert_clean(head, "head");
        let body = BASE64.decode(body.replace("\r\n", "").as_bytes()).unwrap();
        assert_clean(&String::from_utf8_lossy(&body), "body");
        let again = mail_parser::MessageParser::default().parse(made.as_bytes()).unwrap();
        assert!(!again.subject().unwrap_or("").contains(CODE));
    }
}

#[test]
fn the_copy_keeps_the_words_and_names_what_it_left_out() {
    let raw = b"From: Bob <bob@b.example>\r\nX-Secret: a\r\nSubject: =?utf-8?Q?Nicht_ich_=C3=A4?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nNot me\r\n--b\r\nContent-Type: image/png; name=shot.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";
    let struck = strike(raw, &Fake);
    assert_eq!(struck.text.trim(), "Not me");
    assert_eq!(struck.left_out, ["image/png 1 KB shot.png"]);
    assert!(struck.headers.contains(&("Subject".to_owned(), "Nicht ich ä".to_owned())));
    assert!(!struck.headers.iter().any(|(name, _)| name == "X-Secret"));
}

#[test]
#[should_panic(expected = "token in")]
fn the_check_of_these_tests_bites() {
    assert_clean(&wrap(&BASE64.encode(link().as_bytes()), 40, "> "), "unstruck");
}
