//! The shared lexicon: words and stems of every language, each standing for one idea ("not", "I", "to ask for",
//! "code", "to arrive" …). What the model learns about ideas and their order in one language holds in all others.

use std::collections::HashMap;

use super::text::{Kind, Token};

/// How an entry may stand in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Shape {
    /// A whole word or phrase: `ask for`.
    Whole,
    /// The beginning of a word: `request*`.
    Stem,
    /// Anywhere in a word: `*madım*`; and everything in scripts without spaces.
    Inside,
}

/// An idea met in a text: its number, and the tokens that say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Idea {
    /// Which idea, as numbered by the model file.
    pub id: u8,
    /// First token.
    pub first: u16,
    /// Last token.
    pub last: u16,
}

/// Folded entries by hash.
#[derive(Default, Debug)]
pub struct Lexicon {
    entries: HashMap<u32, [Option<u8>; 3]>,
    any_inside: bool,
}

const LONGEST_PHRASE: usize = 5;

impl Lexicon {
    /// Adds an entry under the key made by [`key`].
    pub fn insert(&mut self, key: u32, shape: Shape, id: u8) {
        self.any_inside |= shape == Shape::Inside;
        self.entries.entry(key).or_default()[shape as usize].get_or_insert(id);
    }

    /// Every entry, in a fixed order.
    pub fn entries(&self) -> Vec<(u32, Shape, u8)> {
        let mut all = Vec::new();
        for (&key, ids) in &self.entries {
            for (shape, id) in [Shape::Whole, Shape::Stem, Shape::Inside].into_iter().zip(ids) {
                all.extend(id.map(|id| (key, shape, id)));
            }
        }
        all.sort_unstable();
        all
    }

    /// The ideas of a text, in order; longest match first, no overlaps.
    pub fn ideas(&self, tokens: &[Token]) -> Vec<Idea> {
        let mut ideas = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match self.at(tokens, at) {
                Some((id, last)) => {
                    ideas.push(Idea { id, first: at as u16, last: last as u16 });
                    at = last + 1;
                }
                None => at += 1,
            }
        }
        ideas
    }

    fn at(&self, tokens: &[Token], at: usize) -> Option<(u8, usize)> {
        let sign = tokens[at].kind == Kind::Sign;
        let mut best = None;
        let mut hash = SEED;
        let reach = if sign { 10 } else { LONGEST_PHRASE };
        for (last, token) in tokens.iter().enumerate().skip(at).take(reach) {
            if last > at && (token.sentence != tokens[at].sentence || (token.kind == Kind::Sign) != sign) {
                break;
            }
            if last > at && !sign {
                hash = step(hash, ' ');
            }
            let length = token.folded.chars().count();
            for (i, c) in token.folded.chars().enumerate() {
                hash = step(hash, c);
                if !sign
                    && i + 1 < length
                    && i >= 1
                    && let Some(id) = self.find(hash, Shape::Stem)
                {
                    best = Some((id, last));
                }
            }
            let ended = if sign { [Shape::Inside, Shape::Inside] } else { [Shape::Stem, Shape::Whole] };
            for shape in ended {
                if let Some(id) = self.find(hash, shape) {
                    best = Some((id, last));
                }
            }
        }
        best.or_else(|| if sign { None } else { self.inside(&tokens[at].folded).map(|id| (id, at)) })
    }

    fn inside(&self, word: &str) -> Option<u8> {
        if !self.any_inside || word.len() > 60 {
            return None;
        }
        word.char_indices().skip(1).find_map(|(start, _)| {
            let mut hash = SEED;
            let mut best = None;
            for c in word[start..].chars() {
                hash = step(hash, c);
                best = self.find(hash, Shape::Inside).or(best);
            }
            best
        })
    }

    fn find(&self, key: u32, shape: Shape) -> Option<u8> {
        self.entries.get(&key).and_then(|ids| ids[shape as usize])
    }
}

const SEED: u32 = 0x811c_9dc5;

fn step(hash: u32, c: char) -> u32 {
    (hash ^ c as u32).wrapping_mul(0x0100_0193).rotate_left(5)
}

/// Key and shape of an entry as written in a data file: `word`, `two words`, `stem*`, `*inside*`.
pub fn key(entry: &str) -> Option<(u32, Shape)> {
    let bare = entry.trim().trim_matches('*');
    let tokens = super::text::tokenise(bare);
    let sign = tokens.first()?.kind == Kind::Sign;
    let shape = if sign || entry.starts_with('*') {
        Shape::Inside
    } else if entry.ends_with('*') {
        Shape::Stem
    } else {
        Shape::Whole
    };
    let mut hash = SEED;
    for (i, token) in tokens.iter().enumerate() {
        if i > 0 && !sign {
            hash = step(hash, ' ');
        }
        hash = token.folded.chars().fold(hash, step);
    }
    Some((hash, shape))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::verdict::text::tokenise;

    #[test]
    fn longest_entry_wins() {
        let mut lexicon = Lexicon::default();
        for (entry, id) in [("ask*", 1), ("ask for", 2), ("*medim*", 3), ("没有", 4)] {
            let (key, shape) = key(entry).unwrap();
            lexicon.insert(key, shape, id);
        }
        let ids = |text: &str| lexicon.ideas(&tokenise(text)).iter().map(|i| i.id).collect::<Vec<_>>();
        assert_eq!(ids("I asked. ASK FOR! istemedim 我没有"), [1, 2, 3, 4]);
    }
}
