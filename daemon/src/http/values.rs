//! What use cases give, as it goes over the wire. The use cases hand on values that the store defines; their names are taken
//! in here, in one place.

pub(super) use crate::app::{Flag, FlagFilter, Held, Line, Listed, MailShown, Page, Queued, Severity};

use crate::app::{Attempt, Audit, Copied, Export, Finding, FindingState, Good, ResetStory, RootKey, Status, TemplateInfo};
use crate::wire;

impl From<ResetStory> for wire::Reset {
    fn from(ResetStory { reset, timeline }: ResetStory) -> Self {
        let moment = |line: Line| wire::Moment { at: line.at, event: line.event.as_str().into(), detail: line.detail };
        Self {
            id: reset.id,
            portal: reset.portal.to_string(),
            account: reset.account,
            email: reset.email.map(|email| email.to_string()),
            state: reset.state,
            created_at: reset.created_at,
            sent_at: reset.sent_at,
            expires_at: reset.expires_at,
            timeline: timeline.into_iter().map(moment).collect(),
        }
    }
}

impl From<Good> for wire::Good {
    fn from(good: Good) -> Self {
        Self { reset: good.reset, portal: good.portal.to_string(), account: good.account, expires_at: good.expires_at }
    }
}

impl From<Line> for wire::Event {
    fn from(line: Line) -> Self {
        Self {
            id: line.id,
            at: line.at,
            event: line.event.as_str().into(),
            reset: line.reset,
            portal: line.portal.map(|portal| portal.to_string()),
            detail: line.detail,
        }
    }
}

impl From<Severity> for wire::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low => Self::Low,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

impl From<Flag> for wire::Flag {
    fn from(flag: Flag) -> Self {
        Self {
            id: flag.id,
            reset: flag.reset,
            portal: flag.portal.map(|portal| portal.to_string()),
            account: flag.account,
            severity: flag.severity.into(),
            reason: flag.reason,
            verdict: flag.verdict,
            confidence: flag.confidence,
            proof: flag.proof,
            text: flag.text,
            sender: flag.sender,
            subject: flag.subject,
            state: if flag.resolution.is_some() { wire::FlagState::Resolved } else { wire::FlagState::Open },
            has_message: flag.has_message,
            created_at: flag.created_at,
            count: flag.sightings.map(|(count, _)| count),
            last_at: flag.sightings.map(|(_, at)| at),
            notes: flag.notes.into_iter().map(|(at, text)| wire::Note { at, text }).collect(),
            resolution: flag.resolution.map(|closed| wire::Resolution {
                at: closed.at,
                by: closed.by,
                outcome: closed.outcome,
                note: closed.note,
            }),
        }
    }
}

impl From<Queued> for wire::Queued {
    fn from(queued: Queued) -> Self {
        Self {
            id: queued.id,
            kind: queued.kind.as_str().into(),
            reset: queued.reset,
            portal: queued.portal.map(|portal| portal.to_string()),
            domain: queued.domain,
            attempts: queued.attempts,
            due_at: queued.due_at,
            useful_until: queued.useful_until,
            last: queued.last,
            created_at: queued.created_at,
        }
    }
}

impl From<MailShown> for wire::Mail {
    fn from(shown: MailShown) -> Self {
        let attempt = |attempt: Attempt| wire::Attempt { number: attempt.number, at: attempt.at, detail: attempt.detail };
        Self {
            mail: shown.mail.into(),
            state: shown.state,
            remote_id: shown.remote_id,
            flag: shown.flag,
            tries: shown.attempts.into_iter().map(attempt).collect(),
        }
    }
}

impl From<Held> for wire::Hold {
    fn from(held: Held) -> Self {
        Self {
            id: held.id,
            email: held.email,
            portal: held.portal.map(|portal| portal.to_string()),
            why: held.why,
            since: held.since,
            until: held.until,
        }
    }
}

impl From<Status> for wire::Status {
    fn from(status: Status) -> Self {
        let counts = status.counts;
        Self {
            version: status.version.into(),
            started_at: status.started_at,
            now: status.now,
            portals: status.portals.iter().map(ToString::to_string).collect(),
            transport: status.transport,
            resets: counts.resets.into_iter().map(|(state, count)| (state.as_str().into(), count)).collect(),
            open_flags: counts.open_flags.into_iter().map(|(severity, count)| (severity.as_str().into(), count)).collect(),
            queued: counts.queued,
            oldest_due: counts.oldest_due,
            unread: counts.unread,
            problems: status.problems,
        }
    }
}

impl From<TemplateInfo> for wire::Template {
    fn from(template: TemplateInfo) -> Self {
        Self {
            name: template.name,
            kind: template.kind.into(),
            portal: template.portal.map(|portal| portal.to_string()),
            locales: template.locales,
            problem: template.problem,
        }
    }
}

impl From<Finding> for wire::Finding {
    fn from(finding: Finding) -> Self {
        let state = match finding.state {
            FindingState::Ok => wire::FindingState::Ok,
            FindingState::Warn => wire::FindingState::Warn,
            FindingState::Fail => wire::FindingState::Fail,
        };
        let portal = finding.portal.map(|portal| portal.to_string());
        Self { check: finding.check.into(), portal, state, found: finding.found, cure: finding.cure }
    }
}

impl From<RootKey> for wire::RootKey {
    fn from(key: RootKey) -> Self {
        Self { id: key.id, current: key.is_current, here: key.is_here, resets: key.needs.resets, messages: key.needs.messages }
    }
}

impl From<Audit> for wire::Audit {
    fn from(audit: Audit) -> Self {
        let trouble = |(line, what): (i64, crate::app::AuditTrouble)| wire::AuditTrouble {
            line,
            what: what.as_str().into(),
            says: what.says().into(),
        };
        Self {
            good: audit.troubles.is_empty(),
            head: audit.head.map(|head| head.to_string()),
            first: audit.first,
            lines: audit.lines,
            erased: audit.erased,
            troubles: audit.troubles.into_iter().map(trouble).collect(),
            more: audit.more,
        }
    }
}

impl From<Export> for wire::Export {
    fn from(export: Export) -> Self {
        let reset = |(story, more): (ResetStory, crate::app::PersonalReset)| wire::ExportedReset {
            reset: story.into(),
            name: more.name,
            ip: more.ip,
            user_agent: more.user_agent,
            locale: more.locale,
            valid_since: more.valid_since,
            inspected_at: more.inspected_at,
            completed_at: more.completed_at,
        };
        let message = |(id, received_at, message): (i64, _, Vec<u8>)| wire::ExportedMessage {
            id,
            received_at,
            message: String::from_utf8_lossy(&message).into_owned(),
        };
        let login = |(portal, account, failures, since): (resetd_core::ids::PortalName, _, _, _)| wire::ExportedLogin {
            portal: portal.to_string(),
            account,
            failures,
            since,
        };
        Self {
            who: export.who,
            at: export.at,
            resets: export.resets.into_iter().map(reset).collect(),
            flags: export.flags.into_iter().map(wire::Flag::from).collect(),
            messages: export.messages.into_iter().map(message).collect(),
            holds: export.holds.into_iter().map(wire::Hold::from).collect(),
            logins: export.logins.into_iter().map(login).collect(),
            cut: export.is_cut,
        }
    }
}

/// A copy that was made and tried out.
pub(super) fn backed_up(file: &std::path::Path, copied: Copied) -> wire::BackedUp {
    wire::BackedUp {
        file: file.display().to_string(),
        size: copied.size,
        rows: copied.rows.into_iter().collect(),
        head: copied.head.map(|head| head.to_string()),
        keys: copied.keys,
    }
}

/// A page of the use cases as a page of the wire.
pub(super) fn list<T, U: From<T>>(listed: Listed<T>) -> wire::List<U> {
    wire::List { items: listed.items.into_iter().map(U::from).collect(), next: listed.next.map(|cursor| cursor.to_string()) }
}
