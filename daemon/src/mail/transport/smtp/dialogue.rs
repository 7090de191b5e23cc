//! One mail over one open connection (RFC 5321 §3.3, RFC 2920). Every reply is looked at, in order; each is charged to
//! the mail or to the server; and whatever was left half said is put right before the next mail.

use std::time::Duration;

use resetd_core::smtp_reply::{Meaning, SmtpReply};
use smtp_proto::EXT_PIPELINING;

use super::broken::{Broken, Cause, Phase, within};
use super::prepared::{Handing, Prepared};
use super::session::Session;
use crate::mail::Outcome;

/// The reply to the final dot may take this many times a phase's limit: giving up there may double the mail, which is
/// why RFC 5321 §4.5.3.2.6 asks for ten minutes.
const RECEIPT_PATIENCE: u32 = 4;

/// What the next hop said of the mail.
pub(super) struct Verdict {
    pub outcome: Outcome,
    /// Whether the connection may carry another mail.
    pub keep: bool,
}

/// What came of MAIL, RCPT and DATA.
enum Opening {
    /// The server waits for the message.
    Go,
    /// The mail won't be sent. `awaits_message`: the server said 354 nevertheless.
    No { verdict: Verdict, awaits_message: bool },
}

/// Hands the mail over. `Err`: the server said nothing about the mail.
pub(super) async fn deliver(session: &mut Session, mail: &Prepared, limit: Duration) -> Result<Verdict, Broken> {
    let (from, to) = match mail.commands(&session.offers) {
        Ok(commands) => commands,
        Err(outcome) => return Ok(Verdict { outcome, keep: true }),
    };
    let reset = if session.unfinished { "RSET\r\n" } else { "" };
    session.unfinished = true;
    let handing = mail.handing(&session.offers);
    let (data, message) = match &handing {
        Handing::Data(message) => ("DATA\r\n", message),
        // The chunk waits for the address to be taken: where it is not, nothing of the mail leaves.
        Handing::Chunk(chunk) => ("", chunk),
    };
    let opening = if session.offers.has_capability(EXT_PIPELINING) {
        within(limit, Phase::Envelope, session.write(format!("{reset}{from}{to}{data}").as_bytes())).await?;
        pipelined(session, [!reset.is_empty(), true, true, !data.is_empty()], limit).await?
    } else {
        step_by_step(session, [reset, &from, &to, data], limit).await?
    };
    match opening {
        Opening::Go => hand_over(session, message, limit).await,
        Opening::No { verdict, awaits_message: false } => Ok(verdict),
        Opening::No { verdict, awaits_message: true } => Ok(call_off(session, verdict, limit).await),
    }
}

const STAGES: [Stage; 4] = [Stage::Reset, Stage::Mail, Stage::Rcpt, Stage::Data];

/// All commands are out; reads their replies in order. A reply that settles the mail's fate does not excuse reading
/// the others, or the connection would run out of step.
async fn pipelined(session: &mut Session, said: [bool; 4], limit: Duration) -> Result<Opening, Broken> {
    let mut settled: Option<Verdict> = None;
    for (stage, _) in STAGES.into_iter().zip(said).filter(|(_, said)| *said) {
        let reply = match within(limit, Phase::Envelope, session.reply()).await {
            Ok(reply) => reply,
            Err(broken) => return lost(settled, broken),
        };
        match (stage, &mut settled) {
            (_, Some(verdict)) if reply.meaning() == Meaning::Closing => verdict.keep = false,
            (Stage::Data, Some(_)) if reply.code == 354 => {
                return Ok(settled.map_or(Opening::Go, |verdict| Opening::No { verdict, awaits_message: true }));
            }
            (_, Some(_)) => {}
            (_, None) => settled = stage.judge(reply)?,
        }
    }
    Ok(settled.map_or(Opening::Go, |verdict| Opening::No { verdict, awaits_message: false }))
}

/// The connection broke: if the mail's fate had been settled before, that stands.
fn lost(settled: Option<Verdict>, broken: Broken) -> Result<Opening, Broken> {
    match settled {
        Some(verdict) => Ok(Opening::No { verdict: Verdict { keep: false, ..verdict }, awaits_message: false }),
        None => Err(broken),
    }
}

async fn step_by_step(session: &mut Session, commands: [&str; 4], limit: Duration) -> Result<Opening, Broken> {
    for (command, stage) in commands.into_iter().zip(STAGES) {
        if command.is_empty() {
            continue;
        }
        let reply = within(limit, Phase::Envelope, session.ask(command.as_bytes())).await?;
        if let Some(verdict) = stage.judge(reply)? {
            return Ok(Opening::No { verdict, awaits_message: false });
        }
    }
    Ok(Opening::Go)
}

/// Which command a reply answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Reset,
    Mail,
    Rcpt,
    Data,
}

impl Stage {
    /// `Ok(None)`: go on. `Ok(Some(…))`: that settles it. `Err`: the connection is of no use, and the mail was not judged.
    fn judge(self, reply: SmtpReply) -> Result<Option<Verdict>, Broken> {
        match (self, reply.code) {
            (_, 421) => Err(Broken::new(Phase::Envelope, Cause::Said(reply))),
            (Self::Data, 354) => Ok(None),
            (Self::Data, 200..=399) | (_, 300..=399) => Err(Broken::new(Phase::Envelope, Cause::OutOfStep)),
            (_, 200..=299) => Ok(None),
            (Self::Reset, _) => Err(Broken::new(Phase::Envelope, Cause::Said(reply))),
            _ => Ok(Some(Verdict { outcome: self.no(reply), keep: true })),
        }
    }

    fn no(self, reply: SmtpReply) -> Outcome {
        let what = match self {
            Self::Reset => "RSET",
            Self::Mail => "the sender",
            Self::Rcpt => "the address",
            Self::Data => "the mail before it was sent",
        };
        if reply.meaning() == Meaning::Never && self.is_about_the_mail(&reply) {
            let detail = format!("the server refused {what} ({})", reply.code);
            return Outcome::Refused { reply: Some(reply), detail };
        }
        let detail = match reply.meaning() {
            Meaning::Never => format!("the server refused {what} ({}), which is about the server rather than the mail", reply.code),
            _ => format!("the server put {what} off ({})", reply.code),
        };
        Outcome::Deferred { reply: Some(reply), detail }
    }

    /// A 5xx that other settings of the server would cure must not end a mail: AUTH missing (530, 534, 535, 538, RFC 4954
    /// §6), commands or parameters not known or out of order (500, 502, 503, 504, 555), a sender that it won't take.
    /// At MAIL only the size (552, 5.2.3, 5.3.4) and what the message needs (5.6.x) are the mail's own.
    fn is_about_the_mail(self, reply: &SmtpReply) -> bool {
        let enhanced = reply.enhanced.as_deref().unwrap_or("");
        match self {
            Self::Reset => false,
            Self::Mail => reply.code == 552 || matches!(enhanced, "5.2.3" | "5.3.4") || enhanced.starts_with("5.6."),
            Self::Rcpt | Self::Data => !matches!(reply.code, 500 | 502 | 503 | 504 | 530 | 534 | 535 | 538 | 555),
        }
    }
}

/// The message and its final dot in one write, and the reply to it.
async fn hand_over(session: &mut Session, body: &[u8], limit: Duration) -> Result<Verdict, Broken> {
    if let Err(broken) = within(limit, Phase::Body, session.push(body)).await {
        // A server that has had enough says why and hangs up; then the write fails, and the reply is still there to read.
        let last_words = within(limit, Phase::Body, session.reply()).await.ok();
        return last_words.filter(|reply| reply.code >= 400 && reply.code != 421).map(|reply| closing(reply, false)).ok_or(broken);
    }
    within(limit, Phase::Receipt, session.flush()).await?;
    let reply = within(limit * RECEIPT_PATIENCE, Phase::Receipt, session.reply()).await?;
    session.unfinished = false;
    let keep = reply.meaning() != Meaning::Closing;
    Ok(closing(reply, keep))
}

/// What the reply to the message says.
fn closing(reply: SmtpReply, keep: bool) -> Verdict {
    let code = reply.code;
    // Commands or parameters not known or out of order (RFC 5321 §4.2.4): a chunk that was offered and is not understood.
    let confused = matches!(code, 500..=504);
    let keep = keep && !confused;
    let outcome = match code {
        200..=299 => Outcome::Accepted(Some(reply)),
        500.. if !confused => Outcome::Refused { reply: Some(reply), detail: format!("the server refused the mail ({code})") },
        _ => Outcome::Deferred { reply: Some(reply), detail: format!("the server put the mail off ({code})") },
    };
    Verdict { outcome, keep }
}

/// The server waits for a message though the address was refused: RFC 2920 §3.1 asks for the lone dot, which goes to nobody.
async fn call_off(session: &mut Session, verdict: Verdict, limit: Duration) -> Verdict {
    let reply = within(limit, Phase::Envelope, session.ask(b".\r\n")).await;
    let keep = verdict.keep && reply.is_ok_and(|reply| reply.meaning() != Meaning::Closing);
    Verdict { keep, ..verdict }
}
