//! What the model sees of a text: hashed letter groups, words, word pairs, pairs of word beginnings, ideas and their order.

use super::lexicon::{Idea, Lexicon};
use super::text::{Kind, Token};

/// Where hashes end: the model has this many rows.
pub const ROWS: usize = 1 << 22;

/// One hashed feature and the tokens that it came from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Feature {
    /// Row of the model.
    pub row: u32,
    /// Its family, an index into [`SCALES`].
    pub family: u8,
    /// First token.
    pub first: u16,
    /// Last token.
    pub last: u16,
}

/// How many families there are.
const FAMILIES: usize = 5;

/// How much each family of features weighs in a text: letters, words, ideas, shape, beginnings.
pub const SCALES: [f32; FAMILIES] = [0.4, 0.5, 2.0, 0.4, 0.5];

const LETTERS: u8 = 0;
const WORDS: u8 = 1;
const IDEAS: u8 = 2;
const SHAPE: u8 = 3;
const BEGINNINGS: u8 = 4;

/// The features of a text.
pub fn extract(tokens: &[Token], lexicon: &Lexicon) -> Vec<Feature> {
    let mut out = Vec::with_capacity(tokens.len() * 32);
    for (i, token) in tokens.iter().enumerate() {
        let at = i as u16;
        match token.kind {
            Kind::Word => letters(&token.folded, at, &mut out),
            Kind::Sign => signs(tokens, i, &mut out),
            Kind::Number | Kind::Mark => {}
        }
    }
    words(tokens, &mut out);
    beginnings(tokens, &mut out);
    ideas(tokens, &lexicon.ideas(tokens), &mut out);
    shape(tokens, &mut out);
    out
}

/// The value of one feature of each family, given how many the text has.
pub fn values<'a>(features: impl Iterator<Item = &'a Feature>) -> [f32; FAMILIES] {
    let mut counts = [0u32; FAMILIES];
    for feature in features {
        counts[feature.family as usize] += 1;
    }
    let mut values = SCALES;
    for (value, count) in values.iter_mut().zip(counts) {
        *value /= (count.max(1) as f32).sqrt();
    }
    values
}

struct Hash(u64);

impl Hash {
    fn new(kind: u64) -> Self {
        Hash(0xcbf2_9ce4_8422_2325 ^ kind.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn add(self, value: u64) -> Self {
        Hash((self.0 ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23))
    }

    fn text(self, text: &str) -> Self {
        text.chars().fold(self, |hash, c| hash.add(u64::from(c as u32))).add(1)
    }

    fn row(&self) -> u32 {
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 32) as u32 % ROWS as u32
    }
}

/// Groups of 2 to 5 letters with the word's ends marked; Hangul syllables count alone too.
fn letters(word: &str, at: u16, out: &mut Vec<Feature>) {
    let mut padded = ['\0'; 26];
    padded[0] = '<';
    let mut length = 1;
    for c in word.chars().take(24) {
        padded[length] = c;
        length += 1;
    }
    padded[length] = '>';
    length += 1;
    let syllables = ('\u{ac00}'..='\u{d7a3}').contains(&padded[1]);
    let range = if syllables { 1..=4 } else { 2..=5 };
    for size in range {
        for group in padded[..length].windows(size) {
            if size == 1 && matches!(group[0], '<' | '>') {
                continue;
            }
            let hash = group.iter().fold(Hash::new(1), |hash, &c| hash.add(u64::from(c as u32)));
            out.push(Feature { row: hash.row(), family: LETTERS, first: at, last: at });
        }
    }
}

/// Groups of 1 to 5 characters where no spaces are written.
fn signs(tokens: &[Token], i: usize, out: &mut Vec<Feature>) {
    let mut hash = Hash::new(2);
    for (size, token) in tokens[i..].iter().take(6).enumerate() {
        if token.kind != Kind::Sign || token.sentence != tokens[i].sentence || (size > 0 && token.after_pause) {
            break;
        }
        hash = hash.text(&token.folded);
        out.push(Feature { row: hash.row(), family: LETTERS, first: i as u16, last: (i + size) as u16 });
    }
}

/// Words alone, in pairs, over a gap, in threes.
fn words(tokens: &[Token], out: &mut Vec<Feature>) {
    let word = |kind: u64, parts: &[usize], out: &mut Vec<Feature>| {
        let hash = parts.iter().fold(Hash::new(kind), |hash, &i| hash.text(&tokens[i].folded));
        out.push(Feature { row: hash.row(), family: WORDS, first: parts[0] as u16, last: parts[parts.len() - 1] as u16 });
    };
    for i in 0..tokens.len() {
        if tokens[i].kind == Kind::Sign {
            continue;
        }
        word(3, &[i], out);
        let same = |j: usize| j < tokens.len() && tokens[j].kind != Kind::Sign && tokens[j].sentence == tokens[i].sentence;
        if same(i + 1) {
            word(4, &[i, i + 1], out);
            if same(i + 2) {
                word(5, &[i, i + 2], out);
                word(6, &[i, i + 1, i + 2], out);
            }
        }
    }
}

/// The first four letters of a word and of another, or a mark, up to four tokens behind it: what languages that inflect and shift their words about have in
/// common where whole words in their order differ.
fn beginnings(tokens: &[Token], out: &mut Vec<Feature>) {
    const LETTERS: usize = 4;
    const REACH: usize = 4;
    let beginning = |token: &'_ Token| token.folded.char_indices().nth(LETTERS).map_or(token.folded.len(), |(end, _)| end);
    for (i, first) in tokens.iter().enumerate().filter(|(_, token)| matches!(token.kind, Kind::Word | Kind::Number)) {
        let hash = |second: &Token| Hash::new(32).text(&first.folded[..beginning(first)]).text(&second.folded[..beginning(second)]);
        let near = (i + 1..tokens.len()).take(REACH);
        for j in near.filter(|&j| tokens[j].kind != Kind::Sign && tokens[j].sentence == first.sentence) {
            out.push(Feature { row: hash(&tokens[j]).row(), family: BEGINNINGS, first: i as u16, last: j as u16 });
        }
    }
}

/// Ideas alone, in order, in threes, with the sentence's question mark, first and last.
fn ideas(tokens: &[Token], ideas: &[Idea], out: &mut Vec<Feature>) {
    let mut questions: Vec<u16> =
        (tokens.iter()).filter(|token| token.kind == Kind::Mark && token.folded.starts_with('?')).map(|token| token.sentence).collect();
    questions.dedup();
    let sentence = |idea: &Idea| tokens[idea.first as usize].sentence;
    let mut push = |kind: u64, parts: &[&Idea]| {
        let hash = parts.iter().fold(Hash::new(kind), |hash, idea| hash.add(u64::from(idea.id)));
        let (first, last) = (parts[0].first, parts[parts.len() - 1].last);
        out.push(Feature { row: hash.row(), family: IDEAS, first, last });
    };
    for (i, idea) in ideas.iter().enumerate() {
        push(7, &[idea]);
        if questions.binary_search(&sentence(idea)).is_ok() {
            push(8, &[idea]);
        }
        let inside: Vec<&Idea> = ideas[i + 1..].iter().take(3).take_while(|next| sentence(next) == sentence(idea)).collect();
        for (gap, next) in inside.iter().enumerate() {
            push(if gap == 0 { 9 } else { 10 }, &[idea, next]);
        }
        if let [second, third, ..] = inside[..] {
            push(11, &[idea, second, third]);
        }
        if inside.is_empty()
            && let Some(next) = ideas.get(i + 1)
        {
            push(12, &[idea, next]);
        }
    }
    if let (Some(first), Some(last)) = (ideas.first(), ideas.last()) {
        push(13, &[first]);
        push(14, &[last]);
        if ideas.len() <= 3 {
            let all: Vec<&Idea> = ideas.iter().collect();
            push(15, &all);
        }
    }
}

/// Length, and marks.
fn shape(tokens: &[Token], out: &mut Vec<Feature>) {
    let count = tokens.iter().filter(|token| token.kind != Kind::Mark).count() as u64;
    let bucket = match count {
        0..=4 => count,
        5..=7 => 5,
        8..=12 => 6,
        13..=24 => 7,
        25..=60 => 8,
        _ => 9,
    };
    let mut push = |kind: u64, value: u64, at: usize| {
        out.push(Feature { row: Hash::new(kind).add(value).row(), family: SHAPE, first: at as u16, last: at as u16 });
    };
    push(16, bucket, 0);
    for (i, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Mark).take(6) {
        push(17, Hash::new(0).text(&token.folded).0, i);
    }
}
