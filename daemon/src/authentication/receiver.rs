//! Our own mail as its receivers will judge it, by what is published now: SPF for an address, and DMARC for a signed message.
//! For examinations; nothing is decided by it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::spf::{Mechanism, Qualifier, Spf};
use mail_auth::{AuthenticatedMessage, DkimResult, DmarcResult, MessageAuthenticator, SpfOutput, SpfResult};

use super::{NoResolver, resolver};

/// How long all look-ups for one judgement may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A receiver.
pub struct Receiver(MessageAuthenticator);

/// How an SPF record ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpfEnd {
    /// `-all`: nobody else may send.
    Fail,
    /// `~all`: nobody else should.
    SoftFail,
    /// `?all`, or no end: nothing is said of others.
    Open,
    /// `+all`: everybody may send.
    Everybody,
    /// `redirect=`: as another record ends.
    Redirect,
}

/// What SPF says of an address that sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpfVerdict {
    /// It may.
    Pass,
    /// It may not (`-all`), or should not (`~all`).
    Fail,
    /// Nothing is said of it.
    Neutral,
    /// The record, or one that it includes, is broken or asks for too much (RFC 7208 §4.6.4).
    Broken,
    /// It can't be told now.
    Unknown,
}

/// What a domain asks of receivers for mail that fails DMARC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demand {
    /// `p=none`
    Nothing,
    /// `p=quarantine`
    Quarantine,
    /// `p=reject`
    Reject,
}

impl Demand {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

/// What DMARC says of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dmarc {
    /// No record, at the author's domain or above it.
    Nothing,
    /// There is one.
    Record {
        /// What it asks for.
        demand: Demand,
        /// Whether SPF, if it passes, is for the author's domain.
        spf_aligned: bool,
        /// Whether a signature verifies that is for the author's domain.
        dkim_passes: bool,
    },
    /// It can't be told now.
    Unknown,
}

impl Receiver {
    /// `servers`: whom to ask; none: the system's. Nothing is remembered from before.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, NoResolver> {
        resolver(servers).map(Self)
    }

    /// What a receiver says when `ip` sends for `sender`, naming itself `hello`.
    pub async fn spf(&self, ip: IpAddr, hello: &str, sender: &str) -> SpfVerdict {
        let ask = self.0.verify_spf(SpfParameters::verify_mail_from(ip, hello, hello, sender));
        let Ok(found) = tokio::time::timeout(LIMIT, ask).await else { return SpfVerdict::Unknown };
        match found.result() {
            SpfResult::Pass => SpfVerdict::Pass,
            SpfResult::Fail | SpfResult::SoftFail => SpfVerdict::Fail,
            SpfResult::Neutral | SpfResult::None => SpfVerdict::Neutral,
            SpfResult::PermError => SpfVerdict::Broken,
            SpfResult::TempError => SpfVerdict::Unknown,
        }
    }

    /// What a receiver says of `message` that comes with the envelope sender's domain `bounces`, if SPF passes for that.
    pub async fn dmarc(&self, message: &[u8], bounces: &str) -> Dmarc {
        let Some(message) = AuthenticatedMessage::parse(message) else { return Dmarc::Unknown };
        let work = async {
            let spf = SpfOutput::new(bounces.to_owned()).with_result(SpfResult::Pass);
            let dkim = self.0.verify_dkim(&message).await;
            let found = self.0.verify_dmarc(DmarcParameters::new(&message, &dkim, bounces, &spf)).await;
            let unknown = [found.spf_result(), found.dkim_result()].into_iter().any(|result| matches!(result, DmarcResult::TempError(_)));
            let asked_in_vain = dkim.iter().any(|signature| matches!(signature.result(), DkimResult::TempError(_)));
            match found.dmarc_record() {
                _ if unknown || asked_in_vain => Dmarc::Unknown,
                None => Dmarc::Nothing,
                Some(_) => Dmarc::Record {
                    demand: match found.policy() {
                        Policy::Reject => Demand::Reject,
                        Policy::Quarantine => Demand::Quarantine,
                        Policy::None | Policy::Unspecified => Demand::Nothing,
                    },
                    spf_aligned: found.spf_result() == &DmarcResult::Pass,
                    dkim_passes: found.dkim_result() == &DmarcResult::Pass,
                },
            }
        };
        tokio::time::timeout(LIMIT, work).await.unwrap_or(Dmarc::Unknown)
    }
}

/// Whether a TXT record says that it is SPF (RFC 7208 §4.5).
pub fn is_spf(text: &str) -> bool {
    let version = text.split(' ').next().unwrap_or_default();
    version.eq_ignore_ascii_case("v=spf1")
}

/// Whether a TXT record says that it is DMARC (RFC 9989 §4.7).
pub fn is_dmarc(text: &str) -> bool {
    let version = text.split(';').next().unwrap_or_default();
    version.split_once('=').is_some_and(|(key, value)| key.trim() == "v" && value.trim() == "DMARC1")
}

/// How an SPF record ends; `None`: it can't be read.
pub fn spf_end(text: &str) -> Option<SpfEnd> {
    let record = Spf::parse(text.as_bytes()).ok()?;
    let all = record.directives.iter().find(|directive| directive.mechanism == Mechanism::All);
    Some(match (all.map(|directive| &directive.qualifier), &record.redirect) {
        (Some(Qualifier::Fail), _) => SpfEnd::Fail,
        (Some(Qualifier::SoftFail), _) => SpfEnd::SoftFail,
        (Some(Qualifier::Pass), _) => SpfEnd::Everybody,
        (None, Some(_)) => SpfEnd::Redirect,
        (Some(Qualifier::Neutral), _) | (None, None) => SpfEnd::Open,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_from_others() {
        for (text, spf) in [("v=spf1 -all", true), ("V=SPF1", true), ("v=spf10 -all", false), ("spf1", false), ("", false)] {
            assert_eq!(is_spf(text), spf, "{text}");
        }
        for (text, dmarc) in [("v=DMARC1; p=none", true), ("v = DMARC1;p=none", true), ("v=DMARC12; p=none", false), ("p=none", false)] {
            assert_eq!(is_dmarc(text), dmarc, "{text}");
        }
    }

    #[test]
    fn the_end_of_an_spf_record() {
        for (text, end) in [
            ("v=spf1 mx -all", Some(SpfEnd::Fail)),
            ("v=spf1 include:a.example ~all", Some(SpfEnd::SoftFail)),
            ("v=spf1 mx ?all", Some(SpfEnd::Open)),
            ("v=spf1 mx", Some(SpfEnd::Open)),
            ("v=spf1 all", Some(SpfEnd::Everybody)),
            ("v=spf1 redirect=a.example", Some(SpfEnd::Redirect)),
            ("v=spf1 ip4 -all", None),
        ] {
            assert_eq!(spf_end(text), end, "{text}");
        }
    }
}
