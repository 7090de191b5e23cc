//! Which verdict a person's answer to a reset mail carries: "that was not me", "that was me", a call for help, or
//! none of these. Pure and offline: a linear model over folded letters, words and a small shared lexicon, trained
//! from `data/verdict/*.tsv` by `examples/train-verdict`. It may not fail: any text gets a judgement.

mod evidence;
pub mod features;
mod fold;
pub mod lexicon;
pub mod model;
mod sparse;
pub mod text;

use std::{fmt, str::FromStr};

/// What a reply says about the reset that it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Did not ask, someone else did, no such account, under attack, wrong recipient, "lock it".
    NotMe,
    /// The writer asked, or someone with their consent; it worked; "ignore my last mail".
    WasMe,
    /// Asks for or needs something, without denying.
    Help,
    /// None of these.
    Other,
}

impl Verdict {
    /// All verdicts, in the order in which the model numbers them.
    pub const ALL: [Verdict; 4] = [Verdict::NotMe, Verdict::WasMe, Verdict::Help, Verdict::Other];

    /// The name used in the API and in data files.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::NotMe => "not_me",
            Verdict::WasMe => "was_me",
            Verdict::Help => "help",
            Verdict::Other => "other",
        }
    }

    /// Its place in [`Verdict::ALL`].
    pub fn index(self) -> usize {
        match self {
            Verdict::NotMe => 0,
            Verdict::WasMe => 1,
            Verdict::Help => 2,
            Verdict::Other => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no verdict.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a verdict: it must be not_me, was_me, help or other")]
pub struct UnknownVerdict(pub String);

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Verdict::ALL.into_iter().find(|v| v.as_str() == name).ok_or_else(|| UnknownVerdict(name.to_owned()))
    }
}

/// A verdict, how sure it is, and why.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// The most probable verdict, a denial before the others where it is nearly as probable.
    pub verdict: Verdict,
    /// Its calibrated probability, 0 to 1; 0 for a blank text.
    pub confidence: f32,
    /// The words of the text that it rests on, verbatim, most telling first, at most five.
    pub evidence: Vec<String>,
    /// The probability of each verdict, in the order of [`Verdict::ALL`].
    pub probabilities: [f32; 4],
}

/// What a denial that is missed costs beside one that is imagined: an account, beside a look by a person. Nothing is revoked on a
/// verdict that is this unsure (`app::conclude`).
const DENIAL: f32 = 1.7;

/// The verdict, given the probability of each in the order of [`Verdict::ALL`].
pub fn decide(probabilities: [f32; 4]) -> Verdict {
    let weighed = |verdict: Verdict| probabilities[verdict.index()] * if verdict == Verdict::NotMe { DENIAL } else { 1.0 };
    Verdict::ALL.into_iter().fold(Verdict::NotMe, |best, next| if weighed(next) > weighed(best) { next } else { best })
}

/// Longer texts are judged by their beginning: nobody types more than this.
const MAX_BYTES: usize = 16 * 1024;

/// Judges what a person typed in answer to a reset mail; quotes and signatures are expected to be stripped.
pub fn judge(text: &str) -> Judgement {
    let text = head(text);
    let tokens = text::tokenise(text);
    if tokens.is_empty() {
        return Judgement { verdict: Verdict::Other, confidence: 0.0, evidence: Vec::new(), probabilities: [0.0; 4] };
    }
    let model = model::committed();
    let features = features::extract(&tokens, &model.lexicon);
    let probabilities = model.probabilities(&tokens, &features);
    let verdict = decide(probabilities);
    Judgement {
        verdict,
        confidence: probabilities[verdict.index()],
        evidence: evidence::of(text, &tokens, &features, model, verdict.index()),
        probabilities,
    }
}

fn head(text: &str) -> &str {
    if text.len() <= MAX_BYTES {
        return text;
    }
    let end = (0..=MAX_BYTES).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_other_without_confidence() {
        for text in ["", " ", "\n\t\r\n", "\u{feff}\u{200b}"] {
            let judgement = judge(text);
            assert_eq!((judgement.verdict, judgement.confidence), (Verdict::Other, 0.0), "{text:?}");
            assert!(judgement.evidence.is_empty());
        }
    }

    #[test]
    fn evidence_is_verbatim_and_bounded() {
        let text = "Hello,\nI DIDN’T ask for this reset!! Please look into it.\nRegards, Ann";
        let judgement = judge(text);
        assert_eq!(judgement.verdict, Verdict::NotMe);
        assert!((1..=5).contains(&judgement.evidence.len()));
        assert!(judgement.evidence.iter().all(|words| text.contains(words.as_str())));
    }

    #[test]
    fn names_round_trip() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.to_string().parse(), Ok(verdict));
        }
        assert!("maybe".parse::<Verdict>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_gets_a_judgement(text in "\\PC{0,200}|[\\s\\S]{0,60}") {
            let judgement = judge(&text);
            proptest::prop_assert!((0.0..=1.0).contains(&judgement.confidence));
            proptest::prop_assert!(judgement.evidence.len() <= 5);
            proptest::prop_assert_eq!(judge(&text), judgement);
        }
    }
}
