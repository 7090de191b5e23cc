//! What a whole message says: the judge of words, applied to what was typed and, where that decides nothing, to what was
//! stripped in doubt and to the subject.

use std::borrow::Cow;

use crate::inbound::{Facts, OurWords};
use crate::verdict::{self, Judgement, Verdict};

/// Below this, what the person typed is taken to say nothing, and the rest of the message is heard too.
const UNSURE: f32 = 0.5;
/// Longest text that our sentences are looked for in.
const HEARD_BYTES: usize = 64 * 1024;

/// Judges the words of a message. A denial that stands only in what was stripped in doubt counts, but less surely: losing
/// a "this wasn't me" is worse than reading one too many. Sentences of `ours` never decide, wherever they stand.
pub fn judge(facts: &Facts, ours: &OurWords) -> Judgement {
    let words = facts.words();
    let typed = verdict::judge(&theirs(&words, ours));
    let decided = typed.verdict != Verdict::Other && typed.confidence >= UNSURE;
    if decided {
        return typed;
    }
    let mut best = typed;
    for (text, weight) in [(&*theirs(&facts.doubtful, ours), 0.8), (subject(facts), 0.9)] {
        let mut heard = verdict::judge(text);
        heard.confidence *= weight;
        let says_something = heard.verdict != Verdict::Other && heard.confidence >= UNSURE;
        if says_something && (best.verdict == Verdict::Other || heard.confidence > best.confidence) {
            best = heard;
        }
    }
    best
}

/// Without our sentences, as far as a judge can come to hear of it: what he hears is a quarter of this.
fn theirs<'t>(text: &'t str, ours: &OurWords) -> Cow<'t, str> {
    let text = &text[..text.floor_char_boundary(HEARD_BYTES)];
    ours.cut_from(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The subject where it is the person's own: not that of an answer or of a forwarded mail.
fn subject(facts: &Facts) -> &str {
    if !facts.references.is_empty() {
        return "";
    }
    facts.subject.as_deref().filter(|subject| !subject.contains(':')).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(typed: &str, doubtful: &str, subject: &str) -> Facts {
        Facts { typed: typed.into(), doubtful: doubtful.into(), subject: Some(subject.into()), ..Facts::default() }
    }

    fn judge(facts: &Facts) -> Judgement {
        super::judge(facts, &OurWords::default())
    }

    #[test]
    fn our_own_sentence_decides_nothing() {
        let ours = OurWords::new([vec!["If it wasn't you, answer this mail and we will stop the request."]]);
        let quote = "If it wasn't you, answer this mail\nand we will stop the request.";
        assert_eq!(super::judge(&facts(quote, "", ""), &ours).verdict, Verdict::Other);
        assert_eq!(super::judge(&facts(&format!("thanks, it worked\n{quote}"), quote, ""), &ours).verdict, Verdict::WasMe);
        assert_eq!(super::judge(&facts(&format!("not me\n{quote}"), quote, ""), &ours).verdict, Verdict::NotMe);
        let short = "If it wasn't you, answer this mail and we wi";
        assert_eq!(super::judge(&facts(short, "", ""), &ours).verdict, Verdict::Other);
        assert_ne!(super::judge(&facts(&format!("Danke!\n{short}"), "", ""), &ours).verdict, Verdict::NotMe);
        assert_eq!(super::judge(&facts(&format!("war ich nicht\n{short}"), "", ""), &ours).verdict, Verdict::NotMe);
    }

    #[test]
    fn words_come_first() {
        assert_eq!(judge(&facts("That was not me!", "", "")).verdict, Verdict::NotMe);
        assert_eq!(judge(&facts("thanks, it worked", "it wasn't me", "")).verdict, Verdict::WasMe);
    }

    #[test]
    fn a_denial_in_the_doubtful_part_or_the_subject_is_heard() {
        assert_eq!(judge(&facts("", "I did not request this password reset", "")).verdict, Verdict::NotMe);
        assert_eq!(judge(&facts("", "", "I did not ask for this")).verdict, Verdict::NotMe);
        assert_eq!(judge(&facts("", "", "Re: Reset your password")).verdict, Verdict::Other);
    }
}
