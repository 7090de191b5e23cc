//! Fits the two layers: AdaGrad for the first, plain descent for the second.

use resetd_core::verdict::Verdict;
use resetd_core::verdict::features::{self, Feature, ROWS};
use resetd_core::verdict::lexicon::Lexicon;
use resetd_core::verdict::model::{self, MAGIC, Model, READINGS, Readings, Scores, softmax};
use resetd_core::verdict::text;

use crate::augment;
use crate::data::{Data, Line, variants};
use crate::random::Random;

const EPOCHS: usize = 28;
/// The weights of so many last rounds are averaged: what one round happened to draw counts for less.
const AVERAGED: usize = 8;
const RATE: f32 = 0.2;
const DECAY: f32 = 2e-5;

/// So many in a hundred features are left out whenever a text is learned from, others each time: what a text says must not hang on one
/// word or letter group, which the next text won't have.
const DROPPED: u64 = 30;

/// Rows that are kept: as many as fit into 2 MiB with the lexicon and the phrases of `data/inbound`.
const KEPT: usize = 768_000;

/// Trainings that draw different texts; their mean is steadier than any of them.
const RUNS: u64 = 4;

/// Trains the first layer on the lines that `pool` lets through; weights by row and verdict.
pub fn first_layer(data: &Data, lexicon: &Lexicon, pool: impl Fn(&Line) -> bool + Sync) -> Vec<f32> {
    let pool = &pool;
    let runs: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..RUNS).map(|run| scope.spawn(move || one_run(data, lexicon, pool, 42 + run))).collect();
        runs.into_iter().map(|run| run.join().unwrap_or_default()).collect()
    });
    let mut mean = vec![0.0f32; ROWS * 3];
    for run in runs {
        mean.iter_mut().zip(&run).for_each(|(mean, weight)| *mean += weight / RUNS as f32);
    }
    mean
}

fn one_run(data: &Data, lexicon: &Lexicon, pool: impl Fn(&Line) -> bool, seed: u64) -> Vec<f32> {
    let mut weights = vec![0.0f32; ROWS * 3];
    let mut squares = vec![1e-3f32; ROWS * 3];
    let mut random = Random(seed);
    let lines: Vec<(usize, &Line)> = (data.languages.iter().enumerate())
        .flat_map(|(i, language)| language.lines.iter().map(move |line| (i, line)))
        .filter(|(_, line)| pool(line))
        .collect();
    let mut order: Vec<u32> = Vec::new();
    for (i, (_, line)) in lines.iter().enumerate() {
        let often = (1.0 + variants(&line.template).log2()).clamp(1.0, 6.0) + if line.overrules { 1.0 } else { 0.0 };
        order.extend(std::iter::repeat_n(i as u32, often as usize + 1));
    }
    let mut mean = vec![0.0f32; ROWS * 3];
    for epoch in 0..EPOCHS {
        for i in (1..order.len()).rev() {
            order.swap(i, random.below(i + 1));
        }
        let rate = RATE * (1.0 - 0.9 * epoch as f32 / EPOCHS as f32);
        for &i in &order {
            let (language, line) = lines[i as usize];
            let (text, label) = augment::draw(&data.languages[language], line, 45, &pool, &mut random);
            let tokens = text::tokenise(&text);
            let mut features = features::extract(&tokens, lexicon);
            features.retain(|_| !random.chance(DROPPED));
            learn(&mut weights, &mut squares, &features, label, rate);
        }
        if epoch + AVERAGED >= EPOCHS {
            mean.iter_mut().zip(&weights).for_each(|(mean, weight)| *mean += weight / AVERAGED as f32);
        }
    }
    mean
}

fn learn(weights: &mut [f32], squares: &mut [f32], features: &[Feature], label: Verdict, rate: f32) {
    let values = features::values(features.iter());
    let mut scores: Scores = [0.0; 3];
    for feature in features {
        let at = feature.row as usize * 3;
        for k in 0..3 {
            scores[k] += values[feature.family as usize] * weights[at + k];
        }
    }
    let probabilities = softmax(scores);
    for feature in features {
        let at = feature.row as usize * 3;
        for k in 0..3 {
            let wanted = if label.index() == k { 0.97 } else { 0.01 };
            let gradient = (probabilities[k] - wanted) * values[feature.family as usize] + DECAY * weights[at + k];
            squares[at + k] += gradient * gradient;
            weights[at + k] -= rate * gradient / squares[at + k].sqrt();
        }
    }
}

/// Fits how sentences are weighed, on letters made of held-out lines.
pub fn second_layer(data: &Data, model: &Model, pool: impl Fn(&Line) -> bool) -> ([[f32; READINGS]; 3], f32) {
    let mut random = Random(7);
    let (mut many, mut single) = (Vec::new(), Vec::new());
    for language in &data.languages {
        for line in language.lines.iter().filter(|line| pool(line)) {
            for _ in 0..8 {
                let (text, label) = augment::draw(language, line, 25, &pool, &mut random);
                let tokens = text::tokenise(&text);
                let features = features::extract(&tokens, &model.lexicon);
                match model::readings(&tokens, &features, |feature| model.weight(feature)) {
                    Readings::One(scores) => single.push((scores, label)),
                    Readings::Many(readings) => many.push((readings, label)),
                }
            }
        }
    }
    let mut combine = [[0.0f32; READINGS]; 3];
    (0..3).for_each(|k| combine[k][k] = 0.8);
    for round in 0..400 {
        let mut gradient = [[0.0f32; READINGS]; 3];
        for (readings, label) in &many {
            let scores = combine.map(|row| row.iter().zip(readings).map(|(w, x)| w * x).sum());
            let probabilities = softmax(scores);
            for k in 0..3 {
                let error = probabilities[k] - if label.index() == k { 1.0 } else { 0.0 };
                for (g, x) in gradient[k].iter_mut().zip(readings) {
                    *g += error * x;
                }
            }
        }
        let rate = 0.08 / (1.0 + round as f32 / 100.0) / many.len().max(1) as f32;
        for k in 0..3 {
            for (i, g) in gradient[k].iter().enumerate() {
                combine[k][i] -= rate * (g + 0.001 * many.len() as f32 * combine[k][i]);
            }
        }
    }
    let loss = |temperature: f32| -> f32 {
        (single.iter()).map(|(scores, label)| -softmax(scores.map(|s| s / temperature))[label.index()].max(1e-6).ln()).sum()
    };
    let steps = (2..40).map(|i| i as f32 * 0.1);
    let temperature = steps.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0);
    (combine, temperature)
}

/// Writes a model file.
pub fn write(data: &Data, lexicon: &Lexicon, weights: &[f32], combine: &[[f32; READINGS]; 3], temperature: f32) -> Vec<u8> {
    let mut sizes: Vec<f32> = weights.iter().map(|w| w.abs()).filter(|w| *w > 0.0).collect();
    sizes.sort_by(f32::total_cmp);
    let largest = sizes.get(sizes.len() * 9999 / 10000).copied().unwrap_or(1.0);
    let mut out = MAGIC.to_vec();
    out.extend(data.hash.to_le_bytes());
    out.extend(largest.to_le_bytes());
    out.extend(temperature.to_le_bytes());
    combine.iter().flatten().for_each(|w| out.extend(w.to_le_bytes()));
    let entries = lexicon.entries();
    out.extend((entries.len() as u32).to_le_bytes());
    for (key, shape, id) in entries {
        out.extend(key.to_le_bytes());
        out.extend([shape as u8, id]);
    }
    out.extend(model::write_weights(weights.as_chunks().0, KEPT, largest));
    out
}
