//! Reading: raw inbound bytes become [`Facts`], and a copy that is fit for support.
//!
//! The only room that knows mail-parser. It never fails and never panics: what cannot be parsed still gives facts, so
//! that a person sees it. Everything here is bounded in size, depth, number and time, see `limits`.

mod auth;
mod body;
mod charset;
mod cms;
mod flowed;
mod header;
mod html;
mod ids;
mod limits;
mod marks;
mod mime;
mod pgp;
mod report;
mod strike;
mod tnef;
mod transfer;

use resetd_core::inbound::typed::{self, Part};
use resetd_core::inbound::{Facts, Mark};

pub use auth::arc_vouches;
use body::Survey;
use header::Headers;
pub use strike::{Secrets, Struck, strike, strike_text};

/// Whose word on authentication is taken.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The authserv-ids (RFC 8601 §2.5) whose `Authentication-Results` are believed.
    pub authserv_ids: &'a [String],
}

/// What the SMTP or LMTP dialogue said. Empty for a Maildir or a pipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `MAIL FROM`; `Some("")` is the null path.
    pub mail_from: Option<String>,
    /// `RCPT TO`, all of them.
    pub rcpt_to: Vec<String>,
}

/// What was read, and how each line was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What [`read`] gives.
    pub facts: Facts,
    /// The lines of the text that the person's words were looked for in; empty for a report.
    pub lines: Vec<(Part, String)>,
}

/// Reads one message. An unparsable one gives the facts that could be had.
pub fn read(raw: &[u8], envelope: &Envelope, trust: &Trust) -> Facts {
    explain(raw, envelope, trust).facts
}

/// Reads one message and keeps what shows why.
pub fn explain(raw: &[u8], envelope: &Envelope, trust: &Trust) -> Explained {
    let mut budget = mime::Budget::default();
    let lines = mime::with_line_ends(raw);
    let root = mime::parse(&lines, &mut budget);
    let mut facts = from_headers(&root.headers, envelope, trust);
    facts.size = raw.len();
    let survey = Survey::of(&root, &mut budget);
    ids::embedded(&survey, &root.headers, &mut facts);
    facts.bounce = report::read(&root.headers, &survey, &mut facts.marks);
    marks::from_survey(&survey, &mut facts);
    let (mut lines, mut quoted) = (Vec::new(), false);
    if !survey.is_report() {
        let parted = survey.typed();
        (facts.typed, facts.doubtful, lines, quoted) = (parted.typed, parted.doubtful, parted.lines, parted.quoted);
        if typed::says_nothing(&facts.words()) {
            facts.quote_end = last_of(&lines, Part::Quote);
            facts.introduction = last_of(&lines, Part::Attribution);
        }
    }
    marks::from_wording(&survey, quoted, &mut facts);
    ids::next_hop(&survey, &mut facts);
    facts.cut_short = budget.cut_short;
    // What a mail system's words were mistaken for must not stand as a bounce of a person's answer.
    if resetd_core::inbound::kind(&facts).kind != resetd_core::inbound::Kind::Bounce {
        facts.bounce = None;
    }
    Explained { facts, lines }
}

fn from_headers(headers: &Headers, envelope: &Envelope, trust: &Trust) -> Facts {
    let mut facts = Facts::default();
    let from: Vec<_> = headers.all("From").flat_map(|field| field.addresses()).take(limits::ADDRESSES).collect();
    if let Some((name, address)) = from.first() {
        facts.sender_domain = address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        facts.from = Some(address.clone());
        facts.from_name.clone_from(name);
    }
    facts.reply_to = headers.all("Reply-To").flat_map(|field| field.addresses()).map(|(_, address)| address).collect();
    facts.reply_to.truncate(limits::ADDRESSES);
    facts.subject = headers.text("Subject");
    facts.message_id = headers.first("Message-ID").and_then(|field| field.ids().into_iter().next());
    facts.references = ids::references(headers);
    facts.recipients = ids::recipients(headers, envelope);
    facts.return_path = envelope.mail_from.clone().or_else(|| return_path(headers));
    facts.addressed = ["To", "Cc"].iter().flat_map(|name| headers.all(name)).flat_map(ids::addressed).take(limits::ADDRESSES).collect();
    facts.has_one_author = facts.from.is_some() && headers.author() == facts.from;
    if facts.has_one_author {
        facts.dmarc_pass = facts.sender_domain.as_deref().filter(|domain| auth::passes(headers, domain, trust)).map(str::to_owned);
    }
    if !facts.references.is_empty() {
        facts.marks.insert(Mark::Refers);
    }
    marks::from_headers(headers, &mut facts);
    facts
}

/// The last lines that were taken for this.
fn last_of(lines: &[(Part, String)], wanted: Part) -> String {
    let mut room = limits::QUOTE_END;
    let taken = lines.iter().rev().filter(|(part, _)| *part == wanted).map(|(_, text)| text.as_str());
    let fits = |text: &&str| {
        let fits = text.len() < room;
        room = room.saturating_sub(text.len() + 1);
        fits
    };
    let mut last: Vec<&str> = taken.take_while(fits).collect();
    last.reverse();
    last.join("\n")
}

/// `Return-Path` as the last hop wrote it; `<>` is the null path.
fn return_path(headers: &Headers) -> Option<String> {
    let value = headers.first("Return-Path")?.plain();
    let bare = value.trim_matches(['<', '>', ' ']);
    if bare.is_empty() { Some(String::new()) } else { header::addr_spec(bare) }
}

#[cfg(test)]
mod tests;
