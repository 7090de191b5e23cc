//! The stock sentences, read once from the data file, and where they stand in a text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use super::fold::fold;

/// Bytes that `" * "` in a phrase stands for at most.
const GAP: usize = 60;
/// No end of a phrase is longer.
pub(super) const END_BYTES: usize = 90;

/// What a phrase is evidence of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Automatic,
    NoAnswer,
    Received,
    Promise,
    Thanks,
    Demand,
    Guard,
    Receipt,
}

pub(super) struct Phrase {
    pub(super) kind: Kind,
    pub(super) language: &'static str,
    pub(super) start: String,
    /// One of these follows within [`GAP`]; none where the start is the whole.
    pub(super) ends: Vec<String>,
}

pub(super) static ROWS: LazyLock<Vec<[&str; 3]>> = LazyLock::new(|| {
    let cells = |line: &'static str| {
        let (kind, rest) = line.split_once('\t')?;
        let (language, phrase) = rest.split_once('\t')?;
        Some([kind, language, phrase])
    };
    include_str!("../../../data/inbound/stock.tsv").lines().filter(|line| !line.starts_with('#')).filter_map(cells).collect()
});

pub(super) static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let phrases = |&[kind, language, text]: &[&'static str; 3]| {
        let kind = match kind {
            "automatic" => Kind::Automatic,
            "no_answer" => Kind::NoAnswer,
            "received" => Kind::Received,
            "promise" => Kind::Promise,
            "thanks" => Kind::Thanks,
            "demand" => Kind::Demand,
            "guard" => Kind::Guard,
            "receipt" => Kind::Receipt,
            _ => return Vec::new(),
        };
        let (starts, ends) = text.split_once(" * ").unwrap_or((text, ""));
        let ends: Vec<String> = ends.split('|').map(fold).filter(|end| !end.is_empty()).collect();
        starts.split('|').map(|start| Phrase { kind, language, start: fold(start), ends: ends.clone() }).collect()
    };
    ROWS.iter().flat_map(phrases).collect()
});

/// Phrases by their first three bytes, so that a text is gone through once.
static INDEX: LazyLock<HashMap<[u8; 3], Vec<usize>>> = LazyLock::new(|| {
    let mut index: HashMap<[u8; 3], Vec<usize>> = HashMap::new();
    for (at, phrase) in PHRASES.iter().enumerate() {
        if let Some(key) = phrase.start.as_bytes().first_chunk() {
            index.entry(*key).or_default().push(at);
        }
    }
    index
});

/// Words of one kind, folded, with their language.
pub(super) fn words_of(kind: &str) -> Vec<(&'static str, String)> {
    let rows = ROWS.iter().filter(|row| row[0] == kind);
    rows.flat_map(|&[_, language, text]| text.split('|').map(move |word| (language, fold(word)))).collect()
}

/// The phrases that stand in a text, by kind.
#[derive(Default)]
pub(super) struct Hits {
    pub(super) found: BTreeMap<Kind, BTreeSet<usize>>,
}

impl Hits {
    /// Those of a folded text. A promise or thanks counts only in a language in which it says more than that.
    pub(super) fn of(text: &str) -> Self {
        let hits = Self::all(text);
        let languages: BTreeSet<&str> = hits.languages().collect();
        hits.within(&languages)
    }

    pub(super) fn within(mut self, languages: &BTreeSet<&str>) -> Self {
        for phrases in self.found.values_mut() {
            phrases.retain(|&at| languages.contains(PHRASES[at].language));
        }
        self.found.retain(|_, phrases| !phrases.is_empty());
        self
    }

    pub(super) fn all(text: &str) -> Self {
        let mut hits = Self::default();
        let mut before = ' ';
        for (at, c) in text.char_indices() {
            let rest = &text[at..];
            let candidates = rest.as_bytes().first_chunk::<3>().and_then(|key| INDEX.get(key));
            for &one in candidates.into_iter().flatten() {
                let phrase = &PHRASES[one];
                let begins = !before.is_alphanumeric() || !is_spaced(phrase.language);
                if begins && rest.starts_with(&phrase.start) && ends(&rest[phrase.start.len()..], &phrase.ends) {
                    hits.found.entry(phrase.kind).or_default().insert(one);
                }
            }
            before = c;
        }
        hits
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.found.contains_key(&kind)
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.found.get(&kind).map_or(0, BTreeSet::len)
    }

    /// The languages in which it says what only a machine says.
    pub(super) fn languages(&self) -> impl Iterator<Item = &'static str> {
        self.found.iter().filter(|(kind, _)| kind.is_telling()).flat_map(|(_, phrases)| phrases).map(|&at| PHRASES[at].language)
    }
}

impl Kind {
    /// Whether people hardly say it.
    fn is_telling(self) -> bool {
        !matches!(self, Self::Promise | Self::Thanks | Self::Guard)
    }
}

fn ends(rest: &str, ends: &[String]) -> bool {
    let near = &rest[..rest.floor_char_boundary(GAP + END_BYTES)];
    ends.is_empty() || ends.iter().any(|end| near.find(end.as_str()).is_some_and(|gap| gap <= GAP))
}

/// Whether words of a language begin after a blank, with nothing put before them.
fn is_spaced(language: &str) -> bool {
    !matches!(language, "ar" | "he" | "fa" | "ja" | "ko" | "th" | "zh" | "zh-TW")
}
