//! Which words of the text a verdict rests on, told from what each feature added to its score.

use super::features::{self, Feature};
use super::model::Model;
use super::text::{Kind, Token};

const MOST: usize = 5;
const LONGEST: usize = 6;

/// The most telling words for verdict number `best`, verbatim, at most five.
pub fn of(text: &str, tokens: &[Token], features: &[Feature], model: &Model, best: usize) -> Vec<String> {
    let weights = contributions(tokens, features, model, best);
    let strongest = weights.iter().copied().fold(0.0, f32::max);
    let mut spans: Vec<(f32, usize, usize)> = Vec::new();
    for (i, &weight) in weights.iter().enumerate() {
        if weight <= strongest * 0.15 || (tokens[i].kind == Kind::Mark && weight < strongest) {
            continue;
        }
        let longest = if tokens[i].kind == Kind::Sign { 10 } else { LONGEST };
        match spans.last_mut() {
            Some((sum, first, last)) if *last + 1 == i && tokens[*first].sentence == tokens[i].sentence && i - *first < longest => {
                *sum += weight;
                *last = i;
            }
            _ => spans.push((weight, i, i)),
        }
    }
    // one sign of a script without spaces is rarely a word
    let single = |span: &(f32, usize, usize)| span.1 == span.2 && tokens[span.1].kind == Kind::Sign;
    if spans.iter().any(|span| !single(span)) {
        spans.retain(|span| !single(span));
    }
    spans.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    spans.iter().take(MOST).map(|&(_, first, last)| text[tokens[first].start..tokens[last].end].to_owned()).collect()
}

fn contributions(tokens: &[Token], features: &[Feature], model: &Model, best: usize) -> Vec<f32> {
    let values = features::values(features.iter());
    let mut weights = vec![0.0; tokens.len()];
    for feature in features {
        let [a, b, c] = model.weight(feature);
        let all = [a, b, c, 0.0];
        let others = (all.iter().sum::<f32>() - all[best]) / 3.0;
        let span = f32::from(feature.last - feature.first) + 1.0;
        let share = values[feature.family as usize] * (all[best] - others) / span;
        for weight in &mut weights[feature.first as usize..=feature.last as usize] {
            *weight += share;
        }
    }
    weights
}
