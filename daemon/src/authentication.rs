//! Whether a domain vouches for a message that a stranger handed to our own SMTP listener: SPF (RFC 7208), DKIM (RFC 6376) and
//! DMARC (RFC 7489) by mail-auth; ARC (RFC 8617) where its sealer is trusted. What can't be looked up vouches for nothing.

pub mod receiver;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, DkimResult, DmarcResult, MessageAuthenticator};

use crate::mail::transport::dns::set_up;
use crate::reading;

/// How long all look-ups for one message may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Signatures of one message that are looked at; more are a trick to make us work.
const SIGNATURES_MAX: usize = 10;
/// Octets of a header block that the signatures are counted in.
const HEADER_MAX: usize = 256 * 1024;

/// No name server can be asked.
#[derive(Debug, thiserror::Error)]
#[error("DNS can't be used ({0}): name the servers with [dns] servers = [\"192.0.2.53\"]")]
pub struct NoResolver(String);

/// The SMTP client that handed a message over.
#[derive(Debug, Clone)]
pub struct Client<'a> {
    /// Its address.
    pub ip: IpAddr,
    /// The name it gave for itself.
    pub helo: &'a str,
    /// The envelope sender, empty for the null path.
    pub mail_from: &'a str,
}

/// Checks messages.
pub struct Authenticator {
    dns: MessageAuthenticator,
    host: String,
    sealers: Vec<String>,
}

impl Authenticator {
    /// `servers`: whom to ask; none: the system's. `host`: our own name. `sealers`: whose ARC seals count.
    pub fn new(servers: &[SocketAddr], host: &str, sealers: &[String]) -> Result<Self, NoResolver> {
        Ok(Self { dns: resolver(servers)?, host: host.to_owned(), sealers: sealers.to_vec() })
    }

    /// The author's address (lower-case), if its domain vouches for the message: DMARC passes, by its own record.
    pub async fn author(self: &Arc<Self>, raw: Vec<u8>, ip: IpAddr, helo: String, mail_from: String) -> Option<String> {
        let (this, runtime) = (Arc::clone(self), tokio::runtime::Handle::current());
        // Hashing a large body takes a while; it must not hold up what else runs here.
        let work = move || {
            let client = Client { ip, helo: &helo, mail_from: &mail_from };
            runtime.block_on(async { tokio::time::timeout(LIMIT, this.check(&raw, &client)).await.ok().flatten() })
        };
        tokio::task::spawn_blocking(work).await.ok().flatten()
    }

    async fn check(&self, raw: &[u8], client: &Client<'_>) -> Option<String> {
        if signatures(raw)? > SIGNATURES_MAX {
            return None;
        }
        let message = AuthenticatedMessage::parse(raw)?;
        let [from] = &message.from[..] else { return None };
        let author = from.to_lowercase();
        let domain = author.rsplit_once('@')?.1;
        // The null path speaks for the name that the client gave (RFC 7208 §2.4).
        let spf = match client.mail_from {
            "" => SpfParameters::verify_ehlo(client.ip, client.helo, &self.host),
            sender => SpfParameters::verify_mail_from(client.ip, client.helo, &self.host, sender),
        };
        let spf = self.dns.verify_spf(spf).await;
        let dkim = self.dns.verify_dkim(&message).await;
        let envelope = client.mail_from.rsplit_once('@').map_or(client.helo, |(_, domain)| domain);
        let dmarc = self.dns.verify_dmarc(DmarcParameters::new(&message, &dkim, envelope, &spf)).await;
        let passed = [dmarc.spf_result(), dmarc.dkim_result()].contains(&&DmarcResult::Pass);
        let vouches = passed || self.sealed(&message, domain).await;
        vouches.then_some(author)
    }

    /// Whether a trusted sealer found that the domain vouched, and everybody who sealed after it is trusted too.
    async fn sealed(&self, message: &AuthenticatedMessage<'_>, domain: &str) -> bool {
        let trusted = |seal: &str| self.sealers.iter().any(|known| known.eq_ignore_ascii_case(seal));
        let seals = message.as_headers.iter().zip(&message.aar_headers).rev();
        let found = seals.take_while(|(seal, _)| trusted(&seal.header.d)).any(|(_, results)| {
            let value = String::from_utf8_lossy(results.value);
            reading::arc_vouches(&value, domain)
        });
        found && self.dns.verify_arc(message).await.result() == &DkimResult::Pass
    }
}

/// How many signatures and seals the header block has; `None` if it is too long to be looked at.
fn signatures(raw: &[u8]) -> Option<usize> {
    let head = &raw[..raw.len().min(HEADER_MAX)];
    let ends = [&b"\n\r\n"[..], b"\n\n"].map(|end| memchr::memmem::find(head, end));
    let end = ends.into_iter().flatten().min().or_else(|| (raw.len() <= HEADER_MAX).then_some(raw.len()))?;
    let named = |line: &&[u8]| {
        ["dkim-signature", "dkim2-signature", "arc-message-signature"]
            .iter()
            .any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes())))
    };
    Some(head[..end].split(|&octet| octet == b'\n').filter(named).count())
}

fn resolver(servers: &[SocketAddr]) -> Result<MessageAuthenticator, NoResolver> {
    let (config, options) = set_up(servers).map_err(NoResolver)?;
    MessageAuthenticator::new(config, options).map_err(|error| NoResolver(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_counted_in_the_header_only() {
        let raw = b"DKIM-Signature: a\r\n b\r\ndkim-signature: c\r\nARC-Message-Signature: d\r\n\r\nDKIM-Signature: e\r\n";
        assert_eq!(signatures(raw), Some(3));
        assert_eq!(signatures(b""), Some(0));
        let hidden = ["X: ", &"y".repeat(HEADER_MAX), "\r\nDKIM-Signature: a\r\n\r\n"].concat();
        assert_eq!(signatures(hidden.as_bytes()), None, "what is not counted is not asked about");
    }
}
