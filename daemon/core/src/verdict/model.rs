//! The trained model: five bits per row and verdict for the rows that say something, the lexicon, and the small layer that weighs
//! a text's sentences against each other. `other` is the zero from which the three real verdicts are measured.

use std::sync::OnceLock;

use super::features::{self, Feature, ROWS};
use super::lexicon::{Lexicon, Shape};
use super::sparse;
use super::text::{Kind, Token};

/// Scores of `not_me`, `was_me` and `help`; `other` is 0.
pub type Scores = [f32; 3];

/// What the second layer reads: whole text, strongest, last, first and mean sentence, and a constant.
pub const READINGS: usize = 16;

/// First bytes of a model file.
pub const MAGIC: &[u8; 8] = b"rdverd03";

/// A model, ready to judge.
#[derive(Debug)]
pub struct Model {
    /// Hash of the data files that it was trained from.
    pub data_hash: u64,
    /// Ideas and their words.
    pub lexicon: Lexicon,
    /// Weights of the second layer, one row per verdict.
    pub combine: [[f32; READINGS]; 3],
    /// Divides the scores of a text with one sentence.
    pub temperature: f32,
    /// What the five bits of a weight stand for.
    pub levels: [f32; LEVELS],
    /// One per row, see [`packed`].
    pub weights: Vec<u16>,
}

/// The model committed beside this file.
pub fn committed() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        // A broken file is caught by the test below; without weights everything is `other`.
        Model::parse(include_bytes!("model.bin")).unwrap_or_else(Model::empty)
    })
}

impl Model {
    /// Reads a model file; `None` if it is not one.
    pub fn parse(bytes: &[u8]) -> Option<Model> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let data_hash = u64::from_le_bytes(take(&mut rest)?);
        let mut float = || take(&mut rest).map(f32::from_le_bytes);
        let (largest, temperature) = (float()?, float()?);
        let mut combine = [[0.0; READINGS]; 3];
        for weight in combine.iter_mut().flatten() {
            *weight = float()?;
        }
        let mut lexicon = Lexicon::default();
        for _ in 0..u32::from_le_bytes(take(&mut rest)?) {
            let key = u32::from_le_bytes(take(&mut rest)?);
            let [shape, id] = take(&mut rest)?;
            let shape = [Shape::Whole, Shape::Stem, Shape::Inside].into_iter().nth(usize::from(shape))?;
            lexicon.insert(key, shape, id);
        }
        let weights = sparse::read(rest, ROWS, SILENT)?;
        Some(Model { data_hash, lexicon, combine, temperature, levels: levels(largest), weights })
    }

    fn empty() -> Model {
        Model {
            data_hash: 0,
            lexicon: Lexicon::default(),
            combine: [[0.0; READINGS]; 3],
            temperature: 1.0,
            levels: [0.0; LEVELS],
            weights: Vec::new(),
        }
    }

    /// The weights of one feature.
    pub fn weight(&self, feature: &Feature) -> Scores {
        self.weights.get(feature.row as usize).map_or([0.0; 3], |&row| unpacked(row).map(|level| self.levels[level]))
    }

    /// Probability of each verdict, in the order of [`super::Verdict::ALL`].
    pub fn probabilities(&self, tokens: &[Token], features: &[Feature]) -> [f32; 4] {
        match readings(tokens, features, |feature| self.weight(feature)) {
            Readings::One(scores) => softmax(scores.map(|score| score / self.temperature)),
            Readings::Many(readings) => softmax(self.combine.map(|row| row.iter().zip(readings).map(|(w, x)| w * x).sum())),
        }
    }
}

/// What the first layer says of a text.
pub enum Readings {
    /// The text has one sentence with these scores.
    One(Scores),
    /// It has several; see [`READINGS`].
    Many([f32; READINGS]),
}

/// Scores a text as a whole and sentence by sentence.
pub fn readings(tokens: &[Token], features: &[Feature], weight: impl Fn(&Feature) -> Scores) -> Readings {
    let whole = score(features.iter(), &weight);
    let mut sentences: Vec<u16> = tokens.iter().filter(|token| token.kind != Kind::Mark).map(|token| token.sentence).collect();
    sentences.dedup();
    if sentences.len() < 2 {
        return Readings::One(whole);
    }
    let place = |token: u16| tokens[token as usize].sentence;
    let mut parts: Vec<Vec<&Feature>> = vec![Vec::new(); sentences.len()];
    for feature in features {
        let sentence = place(feature.first);
        if sentence == place(feature.last)
            && let Ok(at) = sentences.binary_search(&sentence)
        {
            parts[at].push(feature);
        }
    }
    let scores: Vec<Scores> = parts.iter().map(|part| score(part.iter().copied(), &weight)).collect();
    let telling = |scores: &&Scores| softmax(**scores)[3] < 0.5;
    let last = scores.iter().rev().find(telling).or(scores.last()).copied().unwrap_or(whole);
    let first = scores.iter().find(telling).or(scores.first()).copied().unwrap_or(whole);
    let mut readings = [1.0; READINGS];
    for i in 0..3 {
        readings[i] = whole[i];
        readings[3 + i] = scores.iter().map(|s| s[i]).fold(f32::NEG_INFINITY, f32::max);
        readings[6 + i] = last[i];
        readings[9 + i] = first[i];
        readings[12 + i] = scores.iter().map(|s| s[i]).sum::<f32>() / scores.len() as f32;
    }
    Readings::Many(readings)
}

fn score<'f>(features: impl Iterator<Item = &'f Feature> + Clone, weight: impl Fn(&Feature) -> Scores) -> Scores {
    let values = features::values(features.clone());
    let mut scores = [0.0; 3];
    for feature in features {
        let value = values[feature.family as usize];
        for (score, weight) in scores.iter_mut().zip(weight(feature)) {
            *score += value * weight;
        }
    }
    scores
}

/// Probabilities from scores, the fourth measured from 0.
pub fn softmax([a, b, c]: Scores) -> [f32; 4] {
    let most = a.max(b).max(c).max(0.0);
    let raised = [a, b, c, 0.0].map(|score| (score - most).exp());
    let sum: f32 = raised.iter().sum();
    raised.map(|value| value / sum)
}

/// How many values a weight can have; one is not used, so that they lie even around zero.
pub const LEVELS: usize = 32;
const ZERO: f32 = 16.0;
const STEPS: f32 = 15.0;

/// What each level stands for: fine steps near zero, coarse ones far from it.
pub fn levels(largest: f32) -> [f32; LEVELS] {
    std::array::from_fn(|level| {
        let signed = (level as f32 - ZERO) / STEPS;
        largest * signed * signed.abs()
    })
}

/// The weights of a row, each as its level, in fifteen bits.
fn packed(weights: Scores, largest: f32) -> u16 {
    weights.iter().rev().fold(0, |packed, weight| {
        let steps = ((weight.abs() / largest).min(1.0).sqrt() * STEPS).round().copysign(*weight);
        packed << 5 | (ZERO + steps) as u16
    })
}

/// The row whose weights are all zero.
const SILENT: u16 = 0b10000_10000_10000;

/// Keeps the `kept` rows whose weights are largest, and writes them.
pub fn write_weights(weights: &[Scores], kept: usize, largest: f32) -> Vec<u8> {
    let size = |row: &Scores| row.iter().map(|weight| weight * weight).sum::<f32>();
    let mut sizes: Vec<f32> = weights.iter().map(size).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let least = sizes.get(kept).copied().unwrap_or(0.0);
    let rows: Vec<u16> = weights.iter().map(|row| if size(row) > least { packed(*row, largest) } else { SILENT }).collect();
    sparse::write(&rows, SILENT)
}

fn unpacked(bits: u16) -> [usize; 3] {
    [bits, bits >> 5, bits >> 10].map(|bits| usize::from(bits) % LEVELS)
}

/// The hash of data files, given as name and bytes in the order of their names.
pub fn data_hash<'d>(files: impl IntoIterator<Item = (&'d str, &'d [u8])>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for (name, bytes) in files {
        for &byte in name.as_bytes().iter().chain(&[0]).chain(bytes).chain(&[0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_row_is_packed_and_unpacked() {
        let levels = super::levels(2.0);
        for weights in [[0.0, 0.0, 0.0], [2.0, -2.0, 0.5], [-0.02, 9.0, -9.0]] {
            let back = super::unpacked(super::packed(weights, 2.0)).map(|level| levels[level]);
            for (weight, back) in weights.into_iter().zip(back) {
                assert!((weight.clamp(-2.0, 2.0) - back).abs() <= 0.14, "{weight} {back}");
            }
        }
    }

    #[test]
    fn the_largest_rows_are_kept() {
        let weights = [[0.0, 0.1, 0.0], [0.0; 3], [1.0, -1.0, 0.5], [0.0, 0.0, -0.4]];
        let rows = super::sparse::read(&super::write_weights(&weights, 2, 1.0), 4, super::SILENT).unwrap_or_default();
        assert_eq!(rows.iter().map(|&row| row == super::SILENT).collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!(super::packed([0.0; 3], 1.0), super::SILENT);
    }

    #[test]
    fn the_committed_model_is_whole() {
        assert!(super::Model::parse(include_bytes!("model.bin")).is_some());
    }
}
