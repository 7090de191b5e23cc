//! Mail addresses: people's, the sender's, and the tagged ones that answers and bounces come back to.

use resetd_core::address::{AddressError, DisplayName, LOCAL_MAX, Mailbox};

use super::text::FromText;
use crate::config::types::TaggedAddress;

/// How many characters a signed tag has (`resetd_core::secret::Tag::sign`).
const TAG_CHARS: usize = 43;

impl FromText for Mailbox {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| match error {
            AddressError::Shape => "must be an address, like help@shop.example".to_owned(),
            what => format!("must be an address, like help@shop.example: it {what}"),
        })
    }
}

/// An address of ours. ASCII only: not every relay that mail of ours meets speaks SMTPUTF8, and an address that people's
/// servers can't answer is of no use.
pub(in crate::config) fn ascii_mailbox(text: &str) -> Result<Mailbox, String> {
    if !text.is_ascii() {
        return Err("must be ASCII (an international domain in its xn-- form)".to_owned());
    }
    Mailbox::from_text(text)
}

/// Who a portal's mails are from, as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct SenderText {
    pub(in crate::config) name: Option<DisplayName>,
    pub(in crate::config) address: Mailbox,
}

/// `Example Shop <no-reply@shop.example>`, or the address alone.
impl FromText for SenderText {
    fn from_text(text: &str) -> Result<Self, String> {
        let Some((name, rest)) = text.split_once('<') else {
            return ascii_mailbox(text.trim()).map(|address| Self { name: None, address });
        };
        let address = rest.trim_end().strip_suffix('>').ok_or("must end with the address in <>")?;
        let name = name.trim();
        let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        let name = if bare.is_empty() { None } else { Some(DisplayName::from_text(bare)?) };
        Ok(Self { name, address: ascii_mailbox(address)? })
    }
}

/// `reply+{tag}@reply.shop.example`
impl FromText for TaggedAddress {
    fn from_text(text: &str) -> Result<Self, String> {
        let shape = || "must be an address with one {tag} before the @, like reply+{tag}@reply.shop.example".to_owned();
        let (before, after) = text.split_once("{tag}").ok_or_else(shape)?;
        // What a tag is found behind when it comes back: `core::secret::Tag::find`.
        let separated = before.len() > 1 && before.ends_with(['+', '-', '=', '.']);
        if !separated || !after.starts_with('@') || after.contains("{tag}") {
            return Err(shape());
        }
        if before.len() + TAG_CHARS > LOCAL_MAX {
            return Err(format!("must have at most {} characters before the {{tag}}", LOCAL_MAX - TAG_CHARS));
        }
        let whole = ascii_mailbox(&format!("{before}{}{after}", "a".repeat(TAG_CHARS)))?;
        Ok(Self { before: before.to_owned(), after: format!("@{}", whole.domain()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tagged_addresses_have_room_for_the_tag() {
        let read = TaggedAddress::from_text;
        let address = read("reply+{tag}@Reply.Shop.Example").unwrap();
        assert_eq!(address.with("x"), "reply+x@reply.shop.example");
        assert!(read("a-reply-address-that--+{tag}@shop.example").is_err());
        assert!(read("twenty-one-characte-+{tag}@s.example").is_ok());
        for bad in [
            "reply@shop.example",
            "reply+{tag}",
            "{tag}@shop.example",
            "reply{tag}@shop.example",
            "reply+{tag}+{tag}@shop.example",
            "reply+{tag}x@shop.example",
            "reply+x@{tag}.shop.example",
            "re ply+{tag}@shop.example",
            "reply+{tag}@bücher.example",
            "reply+{tag}@shop.example\r\nBcc: x",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn senders_have_an_address_and_perhaps_a_name() {
        let read = SenderText::from_text;
        let full = read("\"Shop, Inc.\" <no-reply@shop.example>").unwrap();
        assert_eq!((full.name.unwrap().as_str(), full.address.as_str()), ("Shop, Inc.", "no-reply@shop.example"));
        assert!(read("no-reply@shop.example").unwrap().name.is_none());
        assert!(read("<no-reply@shop.example>").unwrap().name.is_none());
        for bad in ["Shop", "Shop <x", "Shop <a@b.example> x", "Sh\nop <a@b.example>", "a@b.example, c@d.example"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
