//! A survey of the parts: which words are the writer's, which are a report's, which belong to an original.

use resetd_core::inbound::typed::{self, Line, Origin, Parted};

use super::cms::{self, Opened};
use super::html::{self, Want};
use super::mime::{Body, Budget, Part};
use super::tnef::{self, Tnef};
use super::{flowed, header::Field, limits, pgp};

/// Most lines between two pieces of a quote that are looked for in the page.
const BETWEEN: usize = 200;

/// What lies in a message, sorted by what it is for.
#[derive(Debug, Default)]
pub struct Survey {
    /// `text/plain` parts of the message itself, soft breaks joined.
    pub plain: Vec<String>,
    /// `text/html` parts of the message itself.
    pub html: Vec<String>,
    /// Fields of delivery-status parts.
    pub status: Vec<String>,
    /// Fields of feedback-report parts.
    pub feedback: Vec<String>,
    /// Fields of disposition-notification parts.
    pub disposition: Vec<String>,
    /// Message-IDs of attached messages.
    pub embedded_ids: Vec<String>,
    /// Queue ids that reports name.
    pub queue_ids: Vec<String>,
    /// Methods of calendar parts.
    pub calendar: Vec<String>,
    /// `report-type` of a `multipart/report`.
    pub report_type: Option<String>,
    /// Whether a message, or headers of one, is attached.
    pub has_original: bool,
    /// What Outlook packed for itself; its words count where there are no others.
    pub tnef: Option<Tnef>,
    /// Whether something in it is encrypted.
    pub encrypted: bool,
    /// Opaque signatures that were opened.
    opened: usize,
    /// All text of the message itself, HTML converted, for looking things up.
    pub all_text: String,
}

impl Survey {
    /// Looks through all parts.
    pub fn of(root: &Part, budget: &mut Budget) -> Self {
        let mut survey = Self::default();
        survey.part(root, false, budget);
        survey.unpack();
        survey.all_text = survey.plain.join("\n\n");
        if survey.plain.iter().all(|text| text.trim().is_empty()) {
            for page in &survey.html {
                let lines: Vec<String> = html::to_lines(page, Want::Words).into_iter().map(|line| line.text).collect();
                survey.all_text.push_str(&lines.join("\n"));
            }
        }
        survey
    }

    /// Whether it is a report of structure, so that nobody typed anything.
    pub fn is_report(&self) -> bool {
        !self.status.is_empty() || !self.feedback.is_empty()
    }

    /// What the person typed. HTML with a quote in it is believed before plain text, for its structure shows the quote.
    pub fn typed(&self) -> Parted {
        let text = || typed::part(&self.plain.join("\n\n"));
        let Some(page) = self.html.iter().find(|page| !page.trim().is_empty()) else {
            return text();
        };
        let from_page = typed::part_lines(html::to_lines(page, Want::Words));
        if self.plain.iter().all(|text| text.trim().is_empty()) {
            return if self.html.len() > 1 { self.typed_pages() } else { from_page };
        }
        let from_text = text();
        // Between two pieces of a quote, the page may not show whose words they are (Apple Mail types into the quote); marks do.
        let between = from_text.between_quotes().take(BETWEEN).any(|line| !from_page.typed.contains(line));
        let page_lacks = from_page.typed.is_empty() || self.plain.len() > self.html.len() || !from_page.quoted || between;
        if page_lacks { from_text } else { from_page }
    }

    /// Several HTML parts, as mail with pictures in it has.
    fn typed_pages(&self) -> Parted {
        let mut lines: Vec<Line> = Vec::new();
        for page in &self.html {
            lines.extend(html::to_lines(page, Want::Words));
            lines.push(Line { text: String::new(), origin: Origin::Plain });
        }
        typed::part_lines(lines)
    }

    fn part(&mut self, part: &Part, within: bool, budget: &mut Budget) {
        if !within && self.report_type.is_none() {
            self.report_type.clone_from(&part.media.report);
        }
        // RFC 3156 §4.
        self.encrypted |= part.media.name == "multipart/encrypted";
        match &part.body {
            Body::Many(parts) => parts.iter().for_each(|part| self.part(part, within, budget)),
            Body::Message(inner) => self.original(inner, budget),
            Body::Decoded(bytes) => {
                let inner = super::mime::parse(bytes, budget);
                self.original(&inner, budget);
            }
            Body::Leaf(_) => self.leaf(part, within, budget),
        }
    }

    /// An attached message: its ids count, its words do not. An original attached to an original counts too.
    fn original(&mut self, inner: &Part, budget: &mut Budget) {
        self.has_original = true;
        let names = ["Message-ID", "X-Microsoft-Original-Message-ID", "X-Original-Message-ID"];
        self.embedded_ids.extend(names.iter().flat_map(|name| inner.headers.all(name)).flat_map(Field::ids));
        self.embedded_ids.truncate(limits::ADDRESSES);
        match &inner.body {
            Body::Many(parts) => parts.iter().for_each(|part| self.part(part, true, budget)),
            Body::Message(deeper) => self.original(deeper, budget),
            _ => {}
        }
    }

    fn leaf(&mut self, part: &Part, within: bool, budget: &mut Budget) {
        let media = part.media.name.as_str();
        match media {
            "message/delivery-status" | "message/global-delivery-status" | "message/delivery-status-notification" if !within => {
                self.status.push(part.text(budget));
            }
            "message/feedback-report" if !within => self.feedback.push(part.text(budget)),
            "message/disposition-notification" | "message/global-disposition-notification" if !within => {
                self.disposition.push(part.text(budget));
            }
            "application/ms-tnef" | "application/vnd.ms-tnef" if !within => self.tnef = tnef::read(&part.bytes(budget)),
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => self.sealed(part, within, budget),
            "text/calendar" if !within => self.calendar.extend(calendar_method(part, budget)),
            "text/html" if !within && !part.attached => self.html.push(part.text(budget)),
            // Some mail systems label the human part of a report, or a whole answer, with no or a wrong text type.
            media if !within && !part.attached && (media.starts_with("text/") || media == "message/notification") => {
                let text = part.text(budget);
                let text = if part.media.flowed { flowed::join(&text, part.media.delsp) } else { text };
                self.encrypted |= pgp::is_encrypted(&text);
                self.plain.push(pgp::words(text));
            }
            _ => {}
        }
    }

    /// An S/MIME message in one block: signed, and then read as if it were not; or encrypted.
    fn sealed(&mut self, part: &Part, within: bool, budget: &mut Budget) {
        self.opened += 1;
        if self.opened > limits::SEALS {
            budget.cut_short = true;
            return;
        }
        match cms::open(&part.bytes(budget)) {
            Some(Opened::Signed(bytes)) => {
                let inner = super::mime::parse(&bytes, budget);
                self.part(&inner, within, budget);
            }
            Some(Opened::Encrypted) => self.encrypted = true,
            None => {}
        }
    }

    /// What Outlook packed for itself gives the words where nothing else does.
    fn unpack(&mut self) {
        let blank = |texts: &[String]| texts.iter().all(|text| text.trim().is_empty());
        if let Some(tnef) = self.tnef.as_mut().filter(|_| blank(&self.plain) && blank(&self.html)) {
            self.plain.extend(tnef.text.take());
            self.html.extend(tnef.html.take());
        }
    }
}

fn calendar_method(part: &Part, budget: &mut Budget) -> Option<String> {
    part.media.method.clone().or_else(|| {
        let text = part.text(budget);
        text.lines().find_map(|line| line.strip_prefix("METHOD:")).map(|method| method.trim().to_ascii_uppercase())
    })
}
