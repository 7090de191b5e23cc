//! A rendered wording and its head made into the octets of a message (RFC 5322, RFC 2045 ff.). The same input always
//! gives the same octets: a second attempt sends what the first one sent.

use std::borrow::Cow;

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
    /// An octet or a line that may not stand in a message.
    #[error("the attachment can't be carried")]
    Attachment,
    /// mail-builder failed.
    #[error("the message can't be written")]
    Write,
}

/// The message, CRLF at every line's end, no line over 998 octets.
///
/// # Errors
/// A value of `head` that isn't what it says; nothing is sent rather than something mended.
pub fn compose(head: &Head<'_>, rendered: &Rendered) -> Result<Zeroizing<Vec<u8>>, ComposeError> {
    check(head, rendered)?;
    let alternative = MimePart::new(
        multipart("multipart/alternative", head.message_id, "alternative"),
        BodyPart::Multipart(vec![text_part("text/plain", &rendered.text), text_part("text/html", &rendered.html)]),
    );
    let body = match head.attachment {
        None => alternative,
        Some(message) => MimePart::new(
            multipart("multipart/mixed", head.message_id, "mixed"),
            BodyPart::Multipart(vec![alternative, attached(message)]),
        ),
    };
    // Room for the whole at once, so that no copy of a secret is left behind in a smaller buffer.
    let room = 4096 + 2 * (rendered.text.len() + rendered.html.len()) + head.attachment.map_or(0, |message| 2 * message.len());
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
        .header("Content-Language", Raw::new(rendered.locale.as_str()));
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

/// `left@right` of printable ASCII without brackets and blanks (RFC 5322 §3.6.4, the part of it that is in use).
fn is_id(id: &str) -> bool {
    let sides = id.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('@'));
    sides && id.len() <= ID_MAX && id.bytes().all(|b| b.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&b))
}

/// A boundary from the Message-ID: the same for every attempt. `=_` stands in no quoted-printable and no base64 line.
fn multipart(kind: &'static str, message_id: &str, part: &str) -> ContentType<'static> {
    let digest = digest::digest(&digest::SHA256, format!("{part}\0{message_id}").as_bytes());
    let name = data_encoding::HEXLOWER.encode(&digest.as_ref()[..15]);
    ContentType::new(kind).attribute("boundary", format!("=_{name}"))
}

/// Always quoted-printable: relays that don't know 8BITMIME don't have to touch it, so the signature holds.
fn text_part<'a>(kind: &'static str, text: &str) -> MimePart<'a> {
    let encoded = quoted_printable(text);
    MimePart::new(ContentType::new(kind).attribute("charset", "utf-8"), BodyPart::Binary(Cow::Owned(encoded)))
        .transfer_encoding("quoted-printable")
}

