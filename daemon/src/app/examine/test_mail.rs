//! A mail that says that it is one, over the same way as all others: composed, signed, handed over. It holds no secret.

use data_encoding::BASE32_NOPAD;
use resetd_core::address::Mailbox;
use resetd_core::ids::ResetId;
use resetd_core::secret::{Purpose, Tag};
use resetd_core::time::Timestamp;
use zeroize::Zeroizing;

use super::Finding;
use super::finding::Findings;
use crate::ambient::random;
use crate::app::letters::LetterError;
use crate::app::{App, Outfit};
use crate::config::Portal;
use crate::mail::compose::{Auto, Head};
use crate::mail::templates::Rendered;
use crate::mail::{Envelope, Outcome, Sent};

const CHECK: &str = "test mail";

/// The message, signed as all of the portal's.
pub(super) fn compose(outfit: &Outfit, portal: &Portal, to: Mailbox, id: &str, now: Timestamp) -> Result<Zeroizing<Vec<u8>>, LetterError> {
    let head = Head {
        from: &portal.sender,
        to: &to,
        to_name: None,
        reply_to: portal.support_address.as_str(),
        message_id: &message_id(portal, id),
        date: now,
        auto: Auto::Generated,
        feedback: &format!("test:{}:test", portal.name),
        valid_since: None,
        attachment: None,
    };
    let message = crate::mail::compose::compose(&head, &words(portal))?;
    Ok(outfit.signers.sign(portal.sender.address.domain(), message)?)
}

fn message_id(portal: &Portal, id: &str) -> String {
    format!("test.{id}@{}", super::ascii(portal.sender.address.domain()))
}

/// In English alone: administrators read it.
fn words(portal: &Portal) -> Rendered {
    let first = format!("This is a test mail of resetd for {}.", portal.title.as_str());
    let then = "An administrator asked for it with `resetctl doctor --send-to`. There is nothing to do about it: look at the headers, where \
                Authentication-Results says what the receiving server made of SPF, DKIM and DMARC.";
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Rendered {
        picture: None,
        locale: "en".to_owned(),
        subject: format!("Test mail of resetd for {}", portal.title.as_str()),
        text: Zeroizing::new(format!("{first}\n\n{then}\n")),
        html: Zeroizing::new(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Test mail</title></head>\n<body>\n<p>{}</p>\n<p>{}</p>\n</body>\n</html>\n",
            escaped(&first),
            escaped(then)
        )),
    }
}

impl App {
    /// Sends one and says what the next hop said.
    pub(super) async fn send_test_mail(&self, outfit: &Outfit, portal: &Portal, to: &Mailbox) -> Vec<Finding> {
        let mut findings = Findings::of(&portal.name);
        let now = self.clock.now();
        let Some((id, reset)) = random::<10>(&*self.entropy).zip(random::<10>(&*self.entropy)) else {
            findings.fail(CHECK, "the system gives no randomness to name it with", "look at the system's log");
            return findings.0;
        };
        let id = BASE32_NOPAD.encode(&id).to_lowercase();
        match compose(outfit, portal, to.clone(), &id, now) {
            Err(error) => findings.fail(CHECK, format!("it can't be made: {error}"), "look at the portal's sender and at [[sending.dkim]]"),
            Ok(message) => {
                // A bounce of it comes back as those of others do, to a reset that is not there.
                let tag = Tag { purpose: Purpose::Bounce, reset: ResetId::new(now, reset) }.sign(&self.ring);
                let (envelope_id, face) = (message_id(portal, &id), portal.face.clone());
                let envelope = Envelope { from: portal.bounce_to.with(&tag), to: to.clone(), valid_since: None, envelope_id, face };
                told(outfit.transport.send(&envelope, &message).await, &mut findings);
            }
        }
        findings.0
    }
}

fn told(sent: Sent, findings: &mut Findings) {
    let via = match &sent.via {
        None => String::new(),
        Some(via) => match via.tls {
            None => format!(" {}", via.host),
            Some(tls) => format!(" {} (TLS: {})", via.host, tls.as_str()),
        },
    };
    let said =
        |reply: &Option<_>| reply.as_ref().map(|reply: &resetd_core::smtp_reply::SmtpReply| format!(": {reply}")).unwrap_or_default();
    match sent.outcome {
        Outcome::Accepted(None) => findings.ok(CHECK, "it lies in the capture folder: nothing leaves this machine"),
        Outcome::Accepted(reply) => {
            let look = "look at it where it arrived: Authentication-Results should say spf=pass, dkim=pass and dmarc=pass";
            findings.ok(CHECK, format!("taken by{via}{}\n{look}", said(&reply)));
        }
        Outcome::Deferred { reply, detail } => findings.fail(
            CHECK,
            format!("not taken now by{via}: {detail}{}", said(&reply)),
            "a 4xx of a server that does not know you may be greylisting: try again in five minutes; else see the findings above",
        ),
        Outcome::Refused { reply, detail } => {
            findings.fail(
                CHECK,
                format!("refused by{via}: {detail}{}", said(&reply)),
                "the server's words say why; see the findings above",
            );
        }
    }
}
