//! A rendered wording and its head made into the octets of a message (RFC 5322, RFC 2045 ff.). The same input always
//! gives the same octets: a second attempt sends what the first one sent.

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::time::Timestamp;
use ring::digest;
use zeroize::Zeroizing;

use super::templates::Rendered;
use crate::config::Sender;

/// The longest line of a message, without its end (RFC 5322 §2.1.1).
const LINE_MAX: usize = 998;
/// The longest Message-ID that is taken, without angle brackets.
const ID_MAX: usize = 250;

/// What stands in a message's header beside its content.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// `From:`
    pub from: &'a Sender,
    /// `To:`
    pub to: &'a Mailbox,
    /// The name beside it.
    pub to_name: Option<&'a DisplayName>,
    /// `Reply-To:`: the tagged address; for an alert the person's.
    pub reply_to: &'a str,
    /// `Message-ID:` without angle brackets; stable over all attempts, and not to be guessed.
    pub message_id: &'a str,
    /// `Date:`
    pub date: Timestamp,
    /// Whether it is mail of our own, or answers one.
    pub auto: Auto<'a>,
    /// `Feedback-ID:`: what large receivers count complaints by, as `wording:portal:kind`. The same for all mails of its sort: it
    /// follows nobody.
    pub feedback: &'a str,
    /// Since when the application knows the address to be the person's (RFC 7293).
    pub valid_since: Option<Timestamp>,
    /// A message to attach whole (`message/rfc822`), secrets already struck out.
    pub attachment: Option<&'a [u8]>,
}

/// `Auto-Submitted:` (RFC 3834 §5).
#[derive(Clone, Copy, Debug)]
pub enum Auto<'a> {
    /// `auto-generated`
    Generated,
    /// `auto-replied`, with `In-Reply-To:` and `References:`
    Replied {
        /// The answered message's Message-ID, without angle brackets. One that is no Message-ID is left out.
        in_reply_to: Option<&'a str>,
    },
}

/// Why there is no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ComposeError {
    /// Not `left@right` of printable ASCII, or over 250 octets.
    #[error("the Message-ID is not one")]
    MessageId,
    /// Not an address.
    #[error("the Reply-To address is not one")]
    ReplyTo,
    /// A character that may not stand in a header.
    #[error("the subject has a control character")]
    Subject,
}

/// The message, CRLF at every line's end, no line over 998 octets.
///
/// # Errors
/// A value of `head` that isn't what it says; nothing is sent rather than something mended.
pub fn compose(head: &Head<'_>, rendered: &Rendered) -> Result<Zeroizing<Vec<u8>>, ComposeError> {
    check(head, rendered)?;
    let alternative = MimePart::new(
        multipart("multipart/alternative", head.message_id, "alternative"),
        BodyPart::Multipart(vec![text_part("text/plain", &rendered.text), page(head.message_id, rendered)]),
    );
    let body = match head.attachment {
        None => alternative,
        Some(message) => {
            MimePart::new(multipart("multipart/mixed", head.message_id, "mixed"), BodyPart::Multipart(vec![alternative, attached(message)]))
        }
    };
    // Room for the whole at once, so that no copy of a secret is left behind in a smaller buffer.
    let room = 4096 + 2 * (rendered.text.len() + rendered.html.len()) + head.attachment.map_or(0, |message| 2 * message.len());
    let room = room + rendered.picture.as_ref().map_or(0, |picture| 1024 + 2 * picture.logo.bytes.len());
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    header(head, rendered).body(body).serialize(&mut *out);
    Ok(out)
}

fn header<'a>(head: &Head<'a>, rendered: &'a Rendered) -> MessageBuilder<'a> {
    let name = Some(head.from.name.as_str());
    let mut message = MessageBuilder::new()
        .date(Date::new(head.date.as_seconds()))
        .from(Address::new_address(name, head.from.address.as_str()))
        .to(Address::new_address(head.to_name.map(DisplayName::as_str), head.to.as_str()))
        .reply_to(Address::new_address(None::<&str>, head.reply_to))
        .subject(Text::new(rendered.subject.as_str()))
        .message_id(head.message_id);
    if let Auto::Replied { in_reply_to: Some(id) } = head.auto
        && is_id(id)
    {
        message = message.in_reply_to(MessageId::new(id)).references(MessageId::new(id));
    }
    let auto = match head.auto {
        Auto::Generated => "auto-generated",
        Auto::Replied { .. } => "auto-replied",
    };
    message = message
        .header("Auto-Submitted", Raw::new(auto))
        .header("X-Auto-Response-Suppress", Raw::new("All"))
        .header("Content-Language", Raw::new(rendered.locale.as_str()))
        .header("Feedback-ID", Raw::new(format!("{}:resetd", head.feedback)));
    if let Some(since) = head.valid_since {
        // RFC 7293 §3.2: addr-spec ";" FWS date-time
        let value = format!("{}; {}", head.to.as_str(), Date::new(since.as_seconds()).to_rfc822());
        message = message.header("Require-Recipient-Valid-Since", Raw::new(value));
    }
    message
}

fn check(head: &Head<'_>, rendered: &Rendered) -> Result<(), ComposeError> {
    if !is_id(head.message_id) {
        return Err(ComposeError::MessageId);
    }
    Mailbox::parse(head.reply_to).map_err(|_| ComposeError::ReplyTo)?;
    if rendered.subject.is_empty() || rendered.subject.chars().any(char::is_control) {
        return Err(ComposeError::Subject);
    }
    Ok(())
}

/// `left@right` of printable ASCII without angle brackets and blanks: wider than RFC 5322 §3.6.4, as ids in the wild are.
fn is_id(id: &str) -> bool {
    let sides = id.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty());
    sides && id.len() <= ID_MAX && id.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

/// A boundary from the Message-ID: the same for every attempt. `=_` stands in no quoted-printable and no base64 line.
fn multipart(kind: &'static str, message_id: &str, part: &str) -> ContentType<'static> {
    let digest = digest::digest(&digest::SHA256, format!("{part}\0{message_id}").as_bytes());
    let name = data_encoding::HEXLOWER.encode(digest.as_ref().get(..15).unwrap_or_default());
    ContentType::new(kind).attribute("boundary", format!("=_{name}"))
}

/// mail-builder takes 7bit where all lines are ASCII of at most 76, else quoted-printable, or base64 where that is
/// shorter (most scripts but Latin): never 8bit, so that no relay has to recode what is signed.
fn text_part<'a>(kind: &'static str, text: &'a str) -> MimePart<'a> {
    MimePart::new(ContentType::new(kind).attribute("charset", "utf-8"), text)
}

/// The HTML part, with the picture that it shows (RFC 2387).
fn page<'a>(message_id: &str, rendered: &'a Rendered) -> MimePart<'a> {
    let html = text_part("text/html", &rendered.html);
    let Some(picture) = &rendered.picture else { return html };
    let image = MimePart::new(picture.logo.media_type, BodyPart::Binary((&*picture.logo.bytes).into())).inline().cid(picture.id.as_str());
    let related = multipart("multipart/related", message_id, "related").attribute("type", "text/html");
    MimePart::new(related, BodyPart::Multipart(vec![html, image]))
}

/// A message inside a message may not be encoded (RFC 2046 §5.2.1). One that can't go as it is (overlong lines, NUL) goes
/// as a file instead.
fn attached(message: &[u8]) -> MimePart<'_> {
    let message = with_crlf(message);
    let too_long = message.split(|b| *b == b'\n').any(|line| line.len() > LINE_MAX + 1);
    if too_long || message.contains(&0) {
        return MimePart::new("application/octet-stream", BodyPart::Binary(message.into())).attachment("message.eml");
    }
    let encoding = if message.is_ascii() { "7bit" } else { "8bit" };
    MimePart::new("message/rfc822", BodyPart::Binary(message.into())).attachment("message.eml").transfer_encoding(encoding)
}

/// Every line end, whichever it was, as CRLF.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'\r' | b'\n')) {
        let (line, tail) = rest.split_at(at);
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        rest = tail.strip_prefix(b"\r\n").unwrap_or_else(|| tail.get(1..).unwrap_or_default());
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use mail_parser::{Message, MessageParser, MimeHeaders};
    use proptest::prelude::*;
    use resetd_core::ids::PortalName;
    use resetd_core::reset::Method;

    use super::*;
    use crate::config::Logo;
    use crate::mail::templates::{Brand, Library, Look, Sample, Values, sample_brand, sample_look};

    const ID: &str = "r.019a5f3e7b1c@mail.shop.example";
    const AT: Timestamp = Timestamp::from_millis(1_795_455_840_000);

    fn rendered(wording: &str, values: &Values<'_>) -> Rendered {
        Library::builtin().unwrap().render(&PortalName::parse("shop").unwrap(), wording, "en", values).unwrap()
    }

    fn sender() -> Sender {
        let name = DisplayName::parse("Example Shop, Zürich").unwrap();
        Sender { name, address: Mailbox::parse("no-reply@shop.example").unwrap() }
    }

    fn with_head<T>(change: impl FnOnce(&mut Head<'_>), then: impl FnOnce(&Head<'_>) -> T) -> T {
        let (from, to) = (sender(), Mailbox::parse("anna.kovacs@mail.example").unwrap());
        let name = DisplayName::parse("Anna \"K.\" Kovács").unwrap();
        let mut head = Head {
            from: &from,
            to: &to,
            to_name: Some(&name),
            reply_to: "reply+abc@shop.example",
            message_id: ID,
            date: AT,
            auto: Auto::Generated,
            feedback: "easy:shop:reset",
            valid_since: None,
            attachment: None,
        };
        change(&mut head);
        then(&head)
    }

    fn message(change: impl FnOnce(&mut Head<'_>), rendered: &Rendered) -> Vec<u8> {
        with_head(change, |head| compose(head, rendered).unwrap().to_vec())
    }

    fn with_attachment(attachment: &[u8], rendered: &Rendered) -> Vec<u8> {
        with_head(|_| (), |head| compose(&Head { attachment: Some(attachment), ..*head }, rendered).unwrap().to_vec())
    }

    fn parsed(bytes: &[u8]) -> Message<'_> {
        MessageParser::default().parse(bytes).unwrap()
    }

    /// CRLF only, and no line over 998; over 76 in bodies of our own.
    fn assert_lines(bytes: &[u8], max: usize) {
        let text = bytes.iter().map(|b| char::from(*b)).collect::<String>();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a bare CR or LF");
        for line in text.split("\r\n") {
            assert!(line.len() <= max, "{} octets: {line}", line.len());
        }
    }

    #[test]
    fn a_logo_goes_with_its_page() {
        let png = [&b"\x89PNG\r\n\x1a\n"[..], &[0xa5; 8184]].concat();
        let logo = Logo { media_type: "image/png", bytes: png.clone().into() };
        let brand = Brand::new(&Look { logo: Some(&logo), ..sample_look() });
        let bytes = message(|_| (), &rendered("easy", &Sample::new(&brand, Method::Both).values()));
        assert_lines(&bytes, 78);
        assert!(bytes.len() <= 24 * 1024, "{} octets", bytes.len());
        let mail = parsed(&bytes);
        let part = mail.attachments().next().unwrap();
        assert!(part.is_content_type("image", "png") && part.contents() == png);
        let source = format!("src=\"cid:{}\" alt=\"Example Shop\"", part.content_id().unwrap());
        assert!(mail.body_html(0).unwrap().contains(&source), "{source}");
        // No word of it in the plain part, and none of the head's title beside the picture.
        assert!(!mail.body_text(0).unwrap().contains("cid:"));
        assert_eq!(message(|_| (), &rendered("easy", &Sample::new(&brand, Method::Both).values())), bytes, "the same each time");
    }

    #[test]
    fn every_wording_arrives_as_it_was_written() {
        let brand = sample_brand();
        for wording in Library::builtin().unwrap().wordings(None) {
            for method in [Method::Link, Method::Code, Method::Both] {
                let values = Sample::new(&brand, method).values();
                let content = rendered(&wording.name, &values);
                let bytes = message(|_| (), &content);
                assert_lines(&bytes, 78);
                let mail = parsed(&bytes);
                assert_eq!(mail.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), content.text.trim_end());
                assert_eq!(mail.body_html(0).unwrap().replace("\r\n", "\n").trim_end(), content.html.trim_end());
                assert_eq!(mail.subject().unwrap(), content.subject);
                let kinds: Vec<_> =
                    mail.parts.iter().filter_map(|part| part.content_type()).map(|kind| kind.subtype().unwrap().to_owned()).collect();
                assert_eq!(kinds, ["alternative", "plain", "html"]);
                if let Some(link) = values.link.filter(|_| content.text.contains("://")) {
                    assert!(mail.body_text(0).unwrap().lines().any(|line| line == link), "{}", wording.name);
                }
            }
        }
    }

    #[test]
    fn the_octets_of_every_wording_are_as_they_were() {
        let brand = sample_brand();
        for wording in Library::builtin().unwrap().wordings(None) {
            let content = rendered(&wording.name, &Sample::new(&brand, Method::Both).values());
            let bytes = message(|_| (), &content);
            insta::assert_snapshot!(wording.name.as_str(), String::from_utf8(bytes).unwrap().replace("\r\n", "\n"));
        }
    }

    #[test]
    fn the_longest_link_survives() {
        let brand = sample_brand();
        let link = format!("https://shop.example/{}?a=1&b==3D=20&token={}", "x%C3=".repeat(5), "A-_9".repeat(30));
        let values = Values { link: Some(&link), ..Sample::new(&brand, Method::Link).values() };
        let content = rendered("easy", &values);
        let bytes = message(|_| (), &content);
        assert_lines(&bytes, 78);
        assert!(parsed(&bytes).body_text(0).unwrap().lines().any(|line| line == link));
    }

    #[test]
    fn the_head_says_what_it_must() {
        let brand = sample_brand();
        let content = rendered("ack", &Values::new(&brand, "anna.kovacs@mail.example"));
        let auto = Auto::Replied { in_reply_to: Some("x.1@mail.example") };
        let bytes = message(
            |head| {
                head.auto = auto;
                head.valid_since = Some(Timestamp::from_millis(1_700_000_000_000));
            },
            &content,
        );
        let mail = parsed(&bytes);
        let raw = |name: &str| mail.header_raw(name).map(|value| value.trim().to_owned()).unwrap_or_default();
        assert_eq!(mail.from().unwrap().first().unwrap().name().unwrap(), "Example Shop, Zürich");
        assert_eq!(mail.to().unwrap().first().unwrap().name().unwrap(), "Anna \"K.\" Kovács");
        assert_eq!(mail.to().unwrap().first().unwrap().address().unwrap(), "anna.kovacs@mail.example");
        assert_eq!(raw("Reply-To"), "<reply+abc@shop.example>");
        assert_eq!(raw("Message-ID"), format!("<{ID}>"));
        assert_eq!(raw("Date"), "Mon, 23 Nov 2026 17:44:00 +0000");
        assert_eq!(raw("Auto-Submitted"), "auto-replied");
        assert_eq!(raw("In-Reply-To"), "<x.1@mail.example>");
        assert_eq!(raw("References"), "<x.1@mail.example>");
        assert_eq!(raw("X-Auto-Response-Suppress"), "All");
        assert_eq!(raw("Content-Language"), "en");
        assert_eq!(raw("MIME-Version"), "1.0");
        assert_eq!(raw("Require-Recipient-Valid-Since").replace("\r\n", ""), "anna.kovacs@mail.example; Tue, 14 Nov 2023 22:13:20 +0000");
    }

    #[test]
    fn the_same_input_gives_the_same_octets() {
        let brand = sample_brand();
        let content = rendered("easy", &Sample::new(&brand, Method::Both).values());
        assert_eq!(message(|_| (), &content), message(|_| (), &content));
        assert_ne!(message(|_| (), &content), message(|head| head.message_id = "other@shop.example", &content));
    }

    #[test]
    fn an_answer_is_attached_whole() {
        let brand = sample_brand();
        let content = rendered("alert", &Sample::new(&brand, Method::Link).values());
        let answer = "From: anna@mail.example\nSubject: Re: x\r\n\r\nDas war ich nicht, ehrlich\u{fc}!\n.\nbye\r";
        let bytes = with_attachment(answer.as_bytes(), &content);
        assert_lines(&bytes, 998);
        let mail = parsed(&bytes);
        let inner = mail.attachment(0).and_then(|part| part.message()).unwrap();
        assert_eq!(inner.subject().unwrap(), "Re: x");
        assert!(inner.body_text(0).unwrap().contains("ehrlichü!\r\n.\r\nbye"));
    }

    #[test]
    fn what_cannot_be_carried_as_a_message_goes_as_a_file() {
        let brand = sample_brand();
        let content = rendered("alert", &Sample::new(&brand, Method::Link).values());
        for answer in [format!("Subject: x\n\n{}", "y".repeat(1200)), "Subject: x\n\n\0".to_owned()] {
            let bytes = with_attachment(answer.as_bytes(), &content);
            assert_lines(&bytes, 998);
            assert_eq!(parsed(&bytes).attachment(0).unwrap().contents(), answer.replace('\n', "\r\n").as_bytes());
        }
    }

    #[test]
    fn a_head_that_could_inject_is_refused() {
        let brand = sample_brand();
        let mut content = rendered("easy", &Sample::new(&brand, Method::Link).values());
        let error =
            |change: &dyn Fn(&mut Head<'_>), content: &Rendered| with_head(|head| change(head), |head| compose(head, content).err());
        for bad in ["", "x", "@", "a b@c", "a@b>\r\nBcc: x", "a@b\n"] {
            assert_eq!(error(&|head| head.message_id = bad, &content), Some(ComposeError::MessageId), "{bad:?}");
            assert_eq!(error(&|head| head.reply_to = bad, &content), Some(ComposeError::ReplyTo), "{bad:?}");
            let auto = Auto::Replied { in_reply_to: Some(bad) };
            assert!(!String::from_utf8(message(|head| head.auto = auto, &content)).unwrap().contains("In-Reply-To"), "{bad:?}");
        }
        content.subject = "a\r\nBcc: x@y".to_owned();
        assert_eq!(error(&|_| (), &content), Some(ComposeError::Subject));
    }

    proptest! {
        #[test]
        fn any_text_makes_a_sound_message(subject in "[^\\p{C}]{1,80}", text in "(?s).{0,400}", name in "[^\\p{C}]{1,50}") {
            let text = text.replace('\r', "");
            let content = Rendered { picture: None, locale: "en".into(), subject: subject.clone(), text: Zeroizing::new(text.clone()), html: Zeroizing::new(text.clone()) };
            let name = DisplayName::parse(&name);
            prop_assume!(name.is_ok());
            let name = name.unwrap();
            let (from, to) = (sender(), Mailbox::parse("a@b.example").unwrap());
            let bytes = compose(&Head { from: &from, to: &to, to_name: Some(&name), reply_to: "r@b.example", message_id: ID, date: AT, auto: Auto::Generated, feedback: "x:y:z", valid_since: None, attachment: None }, &content).unwrap();
            assert_lines(&bytes, 998);
            let mail = parsed(&bytes);
            let body = mail.body_text(0).unwrap_or_default().replace("\r\n", "\n");
            prop_assert_eq!(body.trim_end(), text.trim_end());
            prop_assert_eq!(mail.to().and_then(|to| to.first()).and_then(|to| to.address()), Some("a@b.example"));
            prop_assert_eq!(mail.headers().iter().filter(|header| header.name() == "Bcc").count(), 0);
        }
    }
}
