//! What each mail says and to whom: from a piece of work to envelope and finished message. The only place that puts a
//! live secret into words.

use data_encoding::BASE32_NOPAD;
use resetd_core::address::Mailbox;
use resetd_core::ids::PortalName;
use resetd_core::secret::{Code, KeyRing, Purpose, Tag, Token};
use resetd_core::time::Timestamp;
use zeroize::Zeroizing;

use super::Outfit;
use super::ingest::is_ours;
use crate::config::Portal;
use crate::mail::Envelope;
use crate::mail::compose::{Auto, ComposeError, Head, compose};
use crate::mail::dkim::DkimError;
use crate::mail::templates::{Brand, Facts, RenderError, Values};
use crate::store::{Flag, MailKind, ResetRow, Work};

/// A message on its way out.
pub struct Letter {
    /// Its envelope.
    pub envelope: Envelope,
    /// Its octets. For a reset mail they hold the live secret.
    pub message: Zeroizing<Vec<u8>>,
}

/// A mail can't be made. Trying again may help where the configuration was wrong.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The portal is no longer configured.
    #[error("portal `{0}` is not in the configuration any more")]
    NoPortal(PortalName),
    /// The key that the secret came from is gone.
    #[error("the root key that this reset was made with (id {0}) is gone")]
    NoKey(u8),
    /// The address was purged, or there is none to send to.
    #[error("there is no address to send to")]
    NoAddress,
    /// The wording.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The message.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The signature.
    #[error(transparent)]
    Dkim(#[from] DkimError),
}

/// What an alert carries beside the reset.
pub struct Case<'a> {
    /// The flag.
    pub flag: &'a Flag,
    /// The message behind it, secrets struck out.
    pub message: Option<&'a [u8]>,
    /// The state of its reset now.
    pub state: Option<&'a str>,
}

/// Makes letters: keys, configuration, time.
pub struct Desk<'a> {
    /// Keys.
    pub ring: &'a KeyRing,
    /// Wordings, portals, signatures.
    pub outfit: &'a Outfit,
    /// Now.
    pub now: Timestamp,
}

impl Desk<'_> {
    /// The reset mail, with a secret derived for this attempt and dropped after it.
    pub fn reset(&self, work: &Work, row: &ResetRow) -> Result<Letter, LetterError> {
        let (portal, brand) = self.portal(&work.portal)?;
        let gone = || LetterError::NoKey(row.key_id);
        let token = row.method.has_link().then(|| Token::derive(self.ring, row.key_id, &row.selector).ok_or_else(gone)).transpose()?;
        let code = row
            .method
            .has_code()
            .then(|| Code::derive(self.ring, row.key_id, &row.selector, portal.code_length).ok_or_else(gone))
            .transpose()?;
        let link = token.as_ref().map(|token| portal.reset_url.with(token.reveal()));
        let expiry = portal.lifetimes.expiry(row.created_at, Some(self.now));
        let minutes = |until: Timestamp| u32::try_from(until.since(self.now).as_secs() / 60).unwrap_or(u32::MAX);
        let to = row.email.as_ref().ok_or(LetterError::NoAddress)?;
        let mut values = self.about(brand, row, to);
        values.link = link.as_ref().map(|link| link.as_str());
        values.code = code.as_ref().map(Code::reveal);
        values.link_minutes = link.as_ref().map(|_| minutes(expiry.link));
        values.code_minutes = code.as_ref().map(|_| minutes(expiry.code));
        values.facts.count = Some(portal.login_failures.threshold);
        self.to_person(work, portal, row, to, &row.wording, &values, (Purpose::ResetMail, Auto::Generated))
    }

    /// "Your password was changed".
    pub fn notice(&self, work: &Work, row: &ResetRow) -> Result<Letter, LetterError> {
        let (portal, brand) = self.portal(&work.portal)?;
        let to = row.email.as_ref().ok_or(LetterError::NoAddress)?;
        let mut values = self.about(brand, row, to);
        values.facts.at = row.completed_at;
        self.to_person(work, portal, row, to, "changed", &values, (Purpose::Notice, Auto::Generated))
    }

    /// The answer to a proven "this wasn't me": to the account's own address, never to whoever wrote.
    pub fn acknowledgement(&self, work: &Work, row: &ResetRow, in_reply_to: Option<&str>) -> Result<Letter, LetterError> {
        let (portal, brand) = self.portal(&work.portal)?;
        let to = row.email.as_ref().ok_or(LetterError::NoAddress)?;
        let mut values = self.about(brand, row, to);
        values.facts.state = Some(row.state.as_str());
        values.facts.revoked = row.state == resetd_core::reset::State::Denied;
        let auto = Auto::Replied { in_reply_to };
        self.to_person(work, portal, row, to, "ack", &values, (Purpose::Acknowledgement, auto))
    }

    /// A flag for support, the message attached.
    pub fn alert(&self, work: &Work, case: &Case<'_>) -> Result<Letter, LetterError> {
        let (portal, brand) = self.portal(&work.portal)?;
        let to = portal.alert.mail_to.as_ref().ok_or(LetterError::NoAddress)?;
        let flag = case.flag;
        let (number, reset) = (flag.id.to_string(), flag.reset.map(|id| id.to_string()));
        let mut values = Values::new(brand, flag.sender.as_deref().unwrap_or_default());
        values.account = flag.account.as_deref();
        values.facts = Facts {
            at: Some(flag.created_at),
            reason: Some(&flag.reason),
            severity: Some(flag.severity.as_str()),
            verdict: flag.verdict.as_deref(),
            proof: Some(&flag.proof),
            words: Some(&flag.text),
            flag: Some(&number),
            reset: reset.as_deref(),
            state: case.state,
            revoked: case.state == Some("denied"),
            ..Facts::default()
        };
        let rendered = self.outfit.library.render(&portal.name, "alert", &portal.locale, &values)?;
        let id = BASE32_NOPAD.encode(&self.ring.pseudonym(&format!("alert {number}"))).to_lowercase();
        let message_id = format!("flag-{number}.{id}@{}", portal.sender.address.domain());
        // Who forges one of these as the sender would have support's answers, and its ticket system's, come round to us again.
        let goes_round = |sender: &str| is_ours(&self.outfit.settings, sender) || to.same_as(sender);
        let reply_to = flag.sender.as_deref().filter(|sender| Mailbox::parse(sender).is_ok() && !goes_round(sender));
        let head = Head {
            from: &portal.sender,
            to,
            to_name: None,
            reply_to: reply_to.unwrap_or(portal.support_address.as_str()),
            message_id: &message_id,
            date: work.created_at,
            auto: Auto::Generated,
            feedback: &format!("alert:{}:alert", portal.name),
            valid_since: None,
            attachment: case.message,
        };
        let message = self.sign(portal, compose(&head, &rendered)?)?;
        // The null path: an alert that bounces must not come back as new mail.
        let face = portal.face.clone();
        Ok(Letter { envelope: Envelope { from: String::new(), to: to.clone(), valid_since: None, envelope_id: message_id, face }, message })
    }

    fn portal(&self, name: &PortalName) -> Result<(&Portal, &Brand), LetterError> {
        let found = self.outfit.settings.portals.get(name).zip(self.outfit.brands.get(name));
        found.ok_or_else(|| LetterError::NoPortal(name.clone()))
    }

    fn about<'a>(&self, brand: &'a Brand, row: &'a ResetRow, to: &'a Mailbox) -> Values<'a> {
        let mut values = Values::new(brand, to.as_str());
        values.account = row.account.as_deref();
        values.name = row.name.as_ref().map(|name| name.as_str());
        values
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one letter; a struct of them would be used here alone")]
    fn to_person(
        &self,
        work: &Work,
        portal: &Portal,
        row: &ResetRow,
        to: &Mailbox,
        wording: &str,
        values: &Values<'_>,
        (purpose, auto): (Purpose, Auto<'_>),
    ) -> Result<Letter, LetterError> {
        let rendered = self.outfit.library.render(&portal.name, wording, &row.locale, values)?;
        let tag = |purpose| Tag { purpose, reset: row.id }.sign(self.ring);
        let message_id = format!("{}@{}", tag(purpose), portal.sender.address.domain());
        let head = Head {
            from: &portal.sender,
            to,
            to_name: row.name.as_ref(),
            reply_to: &portal.reply_to.with(&tag(Purpose::Reply)),
            message_id: &message_id,
            date: work.created_at,
            auto,
            feedback: &format!("{wording}:{}:{}", portal.name, work.kind.as_str()),
            valid_since: row.valid_since,
            attachment: None,
        };
        let message = self.sign(portal, compose(&head, &rendered)?)?;
        // An acknowledgement answers mail: the null path, so that nothing can answer it (RFC 3834 §3.3).
        let from = if work.kind == MailKind::Acknowledgement { String::new() } else { portal.bounce_to.with(&tag(Purpose::Bounce)) };
        let (envelope_id, face) = (message_id, portal.face.clone());
        Ok(Letter { envelope: Envelope { from, to: to.clone(), valid_since: row.valid_since, envelope_id, face }, message })
    }

    fn sign(&self, portal: &Portal, message: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, DkimError> {
        self.outfit.signers.sign(portal.sender.address.domain(), message)
    }
}
