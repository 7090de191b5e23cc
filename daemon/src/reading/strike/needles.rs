//! Finds our tokens, codes and links in a reading of a text, and says where in the text they stand.

use std::cell::Cell;
use std::ops::Range;

use super::Secrets;
use super::units::Unit;

/// How often one text may ask whether something is a token or a code. Each answer costs an HMAC; beyond this everything
/// that might be one counts as one.
const QUESTIONS: u32 = 12_000;
/// Shortest and longest code.
const CODE_DIGITS: (usize, usize) = (6, 12);
/// What may stand between two digits of a code at most, in characters.
const CODE_GAP: usize = 12;
/// So many capitals and so many small letters a window must have to be a token. Of 60 random base64url characters
/// fewer than six come once in 10⁸ tokens; prose hardly ever has so many capitals.
const LETTERS: u32 = 6;

/// Hosts of services that put their own link in the place of each link in a mail they check. Some of these say where they lead
/// and some do not; all of them lead on to ours while it lives.
const WRAPPERS: [&str; 34] = [
    "avanan.click",
    "bitdefender.com",
    "cloud-security.net",
    "cudasvc.com",
    "edgepilot.com",
    "emailprotection.link",
    "esvalabs.com",
    "fireeye.com",
    "fortimailcloud.com",
    "hornetsecurity.com",
    "inky.com",
    "ironport.com",
    "linkscan.io",
    "mailanyone.net",
    "mailcontrol.com",
    "menlosecurity.com",
    "messagelabs.com",
    "mimecast.com",
    "mimecast.org",
    "mimecastprotect.com",
    "n-able.com",
    "ppe-hosted.com",
    "protect.checkpoint.com",
    "protection.outlook.com",
    "protection.sophos.com",
    "retarus.com",
    "safelinks.office.net",
    "secure-web.cisco.com",
    "symantec.com",
    "trendmicro.com",
    "trustwave.com",
    "urldefense.com",
    "urldefense.proofpoint.com",
    "vadesecure.com",
];
/// What such a service on a customer's own host has in its paths.
const WRAPPER_PATHS: [&str; 2] = ["/fmlurlsvc/", "/wis/clicktime/"];

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// A code.
    Code,
    /// A token or link.
    Link,
}

/// Secrets with a bound on how often they are asked.
pub struct Oracle<'a> {
    secrets: &'a dyn Secrets,
    left: Cell<u32>,
}

impl<'a> Oracle<'a> {
    /// An oracle with its questions unspent.
    pub fn new(secrets: &'a dyn Secrets) -> Self {
        Self { secrets, left: Cell::new(QUESTIONS) }
    }

    fn may_ask(&self) -> bool {
        self.left.set(self.left.get().saturating_sub(1));
        self.left.get() > 0
    }

    fn is_token(&self, candidate: &str) -> bool {
        !self.may_ask() || self.secrets.is_token(candidate)
    }

    fn is_code(&self, digits: &str) -> bool {
        !self.may_ask() || self.secrets.is_code(digits)
    }
}

/// Everything found in one reading.
pub fn find(units: &[Unit], oracle: &Oracle, found: &mut Vec<(Range<usize>, Found)>) {
    tokens(units, oracle, found);
    codes(units, oracle, found);
    links(units, oracle, found);
}

/// Windows over all base64url characters, whatever stands between them: blanks, line ends, quote marks.
fn tokens(units: &[Unit], oracle: &Oracle, found: &mut Vec<(Range<usize>, Found)>) {
    let len = oracle.secrets.token_len();
    let bones: Vec<&Unit> = units.iter().filter(|unit| unit.c.is_ascii_alphanumeric() || matches!(unit.c, '-' | '_')).collect();
    if len == 0 || bones.len() < len {
        return;
    }
    let word: String = bones.iter().map(|unit| unit.c).collect();
    let bytes = word.as_bytes();
    let count = |range: Range<usize>, is: fn(&u8) -> bool| bytes[range].iter().filter(|byte| is(byte)).count() as u32;
    let mut upper = count(0..len - 1, u8::is_ascii_uppercase);
    let mut lower = count(0..len - 1, u8::is_ascii_lowercase);
    let mut at = 0;
    while at + len <= bytes.len() {
        let last = bytes[at + len - 1];
        upper += u32::from(last.is_ascii_uppercase());
        lower += u32::from(last.is_ascii_lowercase());
        if upper >= LETTERS && lower >= LETTERS && oracle.is_token(&word[at..at + len]) {
            found.push((bones[at].start as usize..bones[at + len - 1].end as usize, Found::Link));
        }
        upper -= u32::from(bytes[at].is_ascii_uppercase());
        lower -= u32::from(bytes[at].is_ascii_lowercase());
        at += 1;
    }
}

/// Windows over runs of digits that only short gaps without letters part.
fn codes(units: &[Unit], oracle: &Oracle, found: &mut Vec<(Range<usize>, Found)>) {
    let mut run: Vec<&Unit> = Vec::new();
    let mut gap = 0;
    for unit in units {
        if unit.c.is_ascii_digit() {
            run.push(unit);
            gap = 0;
        } else if unit.c.is_alphabetic() || gap >= CODE_GAP {
            codes_in(&run, oracle, found);
            run.clear();
            gap = 0;
        } else {
            gap += 1;
        }
    }
    codes_in(&run, oracle, found);
}

fn codes_in(run: &[&Unit], oracle: &Oracle, found: &mut Vec<(Range<usize>, Found)>) {
    let digits: String = run.iter().map(|unit| unit.c).collect();
    for at in 0..digits.len() {
        for len in (CODE_DIGITS.0..=CODE_DIGITS.1).rev() {
            if at + len <= digits.len() && oracle.is_code(&digits[at..at + len]) {
                found.push((run[at].start as usize..run[at + len - 1].end as usize, Found::Code));
                break;
            }
        }
    }
}

/// URLs, also inside of others: a wrapper goes with what it wraps.
fn links(units: &[Unit], oracle: &Oracle, found: &mut Vec<(Range<usize>, Found)>) {
    let mut at = 0;
    while at < units.len() {
        if !starts_url(units, at) {
            at += 1;
            continue;
        }
        let end = (at..units.len()).find(|&i| ends_url(units[i].c)).unwrap_or(units.len()).min(at + 4_096);
        let url: String = units[at..end].iter().map(|unit| unit.c).collect();
        let inner = url.match_indices("http").take(8).any(|(from, _)| oracle.secrets.is_link(trimmed(&url[from..])));
        let lower = url.to_lowercase();
        if inner || oracle.secrets.is_link(trimmed(&lower)) || is_wrapped(&lower) {
            let kept = trimmed(&url).chars().count().max(1);
            found.push((units[at].start as usize..units[at + kept - 1].end as usize, Found::Link));
        }
        at = end.max(at + 1);
    }
}

/// Whether a URL, in lower case, is one of a service's own.
fn is_wrapped(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("").rsplit('@').next().unwrap_or("");
    let host = host.split(':').next().unwrap_or("").trim_end_matches('.');
    let of = |known: &&str| host.strip_suffix(*known).is_some_and(|left| left.is_empty() || left.ends_with('.'));
    WRAPPERS.iter().any(of) || WRAPPER_PATHS.iter().any(|path| rest.contains(path))
}

fn starts_url(units: &[Unit], at: usize) -> bool {
    let starts = |word: &str| word.chars().enumerate().all(|(i, c)| units.get(at + i).is_some_and(|unit| unit.c.to_ascii_lowercase() == c));
    matches!(units[at].c, 'h' | 'H')
        && (starts("http:") || starts("https:") || starts("hxxp:") || starts("hxxps:") || starts("http%3a") || starts("https%3a"))
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^')
}

/// Without the punctuation of the sentence around it.
fn trimmed(url: &str) -> &str {
    url.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '*'])
}
