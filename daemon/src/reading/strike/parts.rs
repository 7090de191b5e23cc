//! The parts of a message that support gets to read, decoded; the rest is named.

use super::super::header::Headers;
use super::super::html::{self, Want};
use super::super::mime::{self, Body, Budget, Part};
use super::super::{flowed, header};
use super::{Secrets, Struck, strike_text, strike_up_to};

/// Headers that are passed on. Nothing else is: any header may quote any other.
const HEADERS: [&str; 10] =
    ["From", "Reply-To", "To", "Cc", "Date", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"];
/// Headers of an attached message that are shown.
const INNER: [&str; 4] = ["From", "To", "Date", "Subject"];
/// Longest header value passed on, in bytes.
const VALUE_BYTES: usize = 4_096;
/// Most notes on what was left out.
const NOTES: usize = 40;
/// Longest of them, in bytes.
const NOTE_BYTES: usize = 300;

/// Rebuilds a message without our secrets.
pub fn strike(raw: &[u8], secrets: &dyn Secrets) -> Struck {
    let mut budget = Budget::default();
    let lines = mime::with_line_ends(raw);
    let root = mime::parse(&lines, &mut budget);
    let mut reader = Reader { secrets, texts: Vec::new(), left_out: Vec::new() };
    reader.part(&root, &mut budget);
    let mut text = strike_text(&reader.texts.join("\n\n"), secrets);
    if budget.cut_short {
        text.push_str("\n[cut short]");
    }
    reader.left_out.truncate(NOTES);
    Struck { headers: headers(&root.headers, &HEADERS, secrets), text, left_out: reader.left_out }
}

fn headers(from: &Headers, allowed: &[&str], secrets: &dyn Secrets) -> Vec<(String, String)> {
    let mut kept = Vec::new();
    for name in allowed {
        let Some(field) = from.first(name) else {
            continue;
        };
        let struck = header::one_line(&strike_up_to(&field.text(), VALUE_BYTES, secrets));
        if !struck.is_empty() {
            kept.push(((*name).to_owned(), struck));
        }
    }
    kept
}

struct Reader<'a> {
    secrets: &'a dyn Secrets,
    texts: Vec<String>,
    left_out: Vec<String>,
}

impl Reader<'_> {
    fn part(&mut self, part: &Part, budget: &mut Budget) {
        match &part.body {
            Body::Many(parts) if part.media.name == "multipart/alternative" => self.alternative(parts, budget),
            Body::Many(parts) => parts.iter().for_each(|part| self.part(part, budget)),
            Body::Message(inner) => self.message(inner, budget),
            Body::Decoded(bytes) => {
                let inner = mime::parse(bytes, budget);
                self.message(&inner, budget);
            }
            Body::Leaf(_) => self.leaf(part, budget),
        }
    }

    /// The same words twice: the fuller text is kept.
    fn alternative(&mut self, parts: &[Part], budget: &mut Budget) {
        let before = self.texts.len();
        let mut best: Vec<String> = Vec::new();
        for part in parts {
            self.part(part, budget);
            let these = self.texts.split_off(before);
            let weight = |texts: &[String]| texts.iter().map(|text| text.trim().len()).sum::<usize>();
            // Link targets make the HTML's text longer; plain text wins unless it is a stub.
            if best.is_empty() || weight(&these) > weight(&best) * 3 {
                best = these;
            }
        }
        self.texts.extend(best);
    }

    fn message(&mut self, inner: &Part, budget: &mut Budget) {
        self.texts.push("--- attached message ---".to_owned());
        let shown = headers(&inner.headers, &INNER, self.secrets);
        self.texts.push(shown.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n"));
        self.part(inner, budget);
    }

    fn leaf(&mut self, part: &Part, budget: &mut Budget) {
        let media = part.media.name.as_str();
        let report = matches!(media, "message/delivery-status" | "message/feedback-report" | "message/disposition-notification");
        // RTF breaks words up with its own escapes.
        let file = part.attached || part.media.file.is_some() || matches!(media, "text/rtf" | "text/richtext");
        if media == "text/html" && !file {
            let page = part.text(budget);
            let lines: Vec<String> = html::to_lines(&page, Want::Everything).into_iter().map(|line| line.text).collect();
            self.texts.push(lines.join("\n"));
        } else if report || (media.starts_with("text/") && media != "text/html" && !file) {
            let text = part.text(budget);
            let text = if part.media.flowed { flowed::join(&text, part.media.delsp) } else { text };
            self.texts.push(without_uuencode(&text));
        } else {
            let name = part.media.file.clone().unwrap_or_default();
            let size = part.raw_len().div_ceil(1024);
            let note = format!("{} {size} KB {name}", super::super::report::head(media, 80));
            let note = header::one_line(&strike_up_to(&note, NOTE_BYTES, self.secrets));
            self.left_out.push(note);
        }
    }
}

/// Files that old programs write into the text.
fn without_uuencode(text: &str) -> String {
    if !text.contains("begin ") {
        return text.to_owned();
    }
    let mut out: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let bare = line.trim_start_matches(['>', ' ']);
        let mode = bare.strip_prefix("begin ").and_then(|rest| rest.split(' ').next()).unwrap_or("");
        if (3..=4).contains(&mode.len()) && mode.bytes().all(|byte| byte.is_ascii_digit()) {
            inside = true;
            out.push("[encoded file removed]");
        } else if inside && bare.trim() == "end" {
            inside = false;
        } else if !inside {
            out.push(line);
        }
    }
    out.join("\n")
}
