//! What a whole message says: the judge of words, applied to what was typed and, where that decides nothing, to what was
//! stripped in doubt and to the subject.

use std::borrow::Cow;

use crate::inbound::{Behind, Facts, Mark, OurWords, is_field, typed, without_prefixes};
use crate::verdict::{self, Judgement, Verdict};

/// Below this, what the person typed is taken to say nothing, and the rest of the message is heard too.
const UNSURE: f32 = 0.5;
/// Least letters of a subject that has something to add to the words below it.
const SUBJECT_LETTERS: usize = 8;
/// From here on a denial is a person's, in spite of a stock sentence and a number, or of a time and an address: neither a help desk nor
/// the line over a quote denies.
const SURELY_A_PERSON: f32 = 0.85;
/// Longest text that our sentences are looked for in.
const HEARD_BYTES: usize = 64 * 1024;

/// Judges the words of a message. Where none were found, those that stand below our whole mail in the quote are the person's, or else
/// the lines that passed for an introduction of the quote, if they surely deny; they are put into `facts.typed`. A denial that stands
/// only in what was stripped in doubt counts, but less surely: losing a "this wasn't me" is worse than reading one too many. Sentences
/// of `ours` never decide, wherever they stand.
pub fn judge(facts: &mut Facts, ours: &OurWords) -> Judgement {
    if typed::says_nothing(&facts.words()) {
        match ours.behind_last(&facts.quote_end) {
            Behind::Words(below) => facts.typed = below,
            // Not our mail: a person deleted it, and typed under the line that had introduced it.
            Behind::NotOurs if is_brief(&facts.quote_end) => facts.doubtful.push_str(&facts.quote_end),
            Behind::NotOurs | Behind::Nothing => {}
        }
        if typed::says_nothing(&facts.words())
            && let Some(denial) = denial_in(&facts.introduction, ours)
        {
            facts.typed = denial;
        }
    }
    let words = facts.words();
    let typed = verdict::judge(&theirs(&words, ours));
    if is_sure_denial(&typed) {
        facts.marks.insert(Mark::SureDenial);
    }
    let facts = &*facts;
    let decided = typed.verdict != Verdict::Other && typed.confidence >= UNSURE;
    if decided {
        return typed;
    }
    let mut best = typed;
    for (text, weight) in [(&*theirs(&facts.doubtful, ours), 0.8), (subject(facts, ours), 0.9)] {
        let mut heard = verdict::judge(text);
        heard.confidence *= weight;
        let says_something = heard.verdict != Verdict::Other && heard.confidence >= UNSURE;
        if says_something && (best.verdict == Verdict::Other || heard.confidence > best.confidence) {
            best = heard;
        }
    }
    best
}

/// The lines of an introduction that deny, or all of them where they do so together. Addresses don't count, nor do the fields of a header.
fn denial_in(introduction: &str, ours: &OurWords) -> Option<String> {
    let lines: Vec<&str> = introduction.lines().filter(|line| !is_field(line)).collect();
    let denies = |text: &str| {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.contains('@')).collect();
        is_sure_denial(&verdict::judge(&theirs(&words.join(" "), ours)))
    };
    let denials: Vec<&str> = lines.iter().copied().filter(|line| denies(line)).collect();
    let denials = if denials.is_empty() && denies(&lines.join("\n")) { lines } else { denials };
    (!denials.is_empty()).then(|| denials.join("\n"))
}

fn is_sure_denial(judgement: &Judgement) -> bool {
    judgement.verdict == Verdict::NotMe && judgement.confidence >= SURELY_A_PERSON
}

/// Without our sentences, as far as a judge can come to hear of it: what he hears is a quarter of this.
fn theirs<'t>(text: &'t str, ours: &OurWords) -> Cow<'t, str> {
    let text = &text[..text.floor_char_boundary(HEARD_BYTES)];
    ours.cut_from(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Short, and without what every mail of ours has: a link, an address or a code.
fn is_brief(text: &str) -> bool {
    const LEAST_DIGITS: usize = 6;
    text.len() <= 800
        && !text.contains(['@', '#'])
        && !text.contains("://")
        && text.chars().filter(char::is_ascii_digit).count() < LEAST_DIGITS
}

/// The subject where it is the person's own: not that of an answer or of a forwarded mail, unless they wrote something else over it
/// and nothing below.
fn subject<'f>(facts: &'f Facts, ours: &OurWords) -> &'f str {
    let subject = facts.subject.as_deref().unwrap_or("");
    if facts.references.is_empty() {
        let letters = subject.chars().filter(|c| c.is_alphabetic()).count();
        let short = letters < SUBJECT_LETTERS && !facts.words().is_empty();
        return if subject.contains(':') || short { "" } else { subject };
    }
    if !typed::says_nothing(&facts.words()) || !facts.doubtful.is_empty() {
        return "";
    }
    let own = without_prefixes(subject);
    // In the place of a name a person's words can stand: "I wanted no" + "new password".
    match ours.values_at_ends_of(own) {
        Some(values) if !is_sure_denial(&verdict::judge(&values)) => "",
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::Kind;

    fn facts(typed: &str, doubtful: &str, subject: &str) -> Facts {
        Facts { typed: typed.into(), doubtful: doubtful.into(), subject: Some(subject.into()), ..Facts::default() }
    }

    fn judge(mut facts: Facts) -> Judgement {
        super::judge(&mut facts, &OurWords::default())
    }

    #[test]
    fn our_own_sentence_decides_nothing() {
        let ours = OurWords::new([vec!["If it wasn't you, answer this mail and we will stop the request."]]);
        let quote = "If it wasn't you, answer this mail\nand we will stop the request.";
        assert_eq!(super::judge(&mut facts(quote, "", ""), &ours).verdict, Verdict::Other);
        assert_eq!(super::judge(&mut facts(&format!("thanks, it worked\n{quote}"), quote, ""), &ours).verdict, Verdict::WasMe);
        assert_eq!(super::judge(&mut facts(&format!("not me\n{quote}"), quote, ""), &ours).verdict, Verdict::NotMe);
        let short = "If it wasn't you, answer this mail and we wi";
        assert_eq!(super::judge(&mut facts(short, "", ""), &ours).verdict, Verdict::Other);
        assert_ne!(super::judge(&mut facts(&format!("Danke!\n{short}"), "", ""), &ours).verdict, Verdict::NotMe);
        assert_eq!(super::judge(&mut facts(&format!("war ich nicht\n{short}"), "", ""), &ours).verdict, Verdict::NotMe);
    }

    #[test]
    fn what_stands_under_the_attribution_of_a_deleted_quote_is_heard() {
        let below = |text: &str| judge(Facts { quote_end: text.into(), ..Facts::default() });
        assert_eq!(below("Not me, I never asked for this.").verdict, Verdict::NotMe);
        // What could be a mail of ours that is not known any more decides nothing.
        assert_eq!(below("It was not me? Answer.\nhttps://shop.example/reset").verdict, Verdict::Other);
    }

    #[test]
    fn a_denial_that_ends_like_a_subject_of_ours_is_heard() {
        let ours = OurWords::new([vec!["", ": neues Passwort"]]);
        let under = |subject: &str| {
            let mut facts = Facts { references: vec!["a@b".into()], ..facts("", "", subject) };
            super::judge(&mut facts, &ours).verdict
        };
        assert_eq!(under("Re: Example Shop: neues Passwort"), Verdict::Other);
        assert_eq!(under("Re: Das war ich nicht, ich wollte kein neues Passwort"), Verdict::NotMe);
    }

    #[test]
    fn a_denial_with_a_time_in_it_is_no_introduction() {
        let under = |text: &str| judge(Facts { introduction: text.into(), ..Facts::default() }).verdict;
        assert_eq!(
            under("Am 16.03.2026 um 10:00 war ich im Bett, das war ich ganz sicher nicht\nShop <a@shop.example> schrieb:"),
            Verdict::NotMe
        );
        assert_eq!(under("On Mon, 16 Mar 2026 at 10:00, Shop <accounts@shop.example> wrote:"), Verdict::Other);
        assert_eq!(under("Subject: Re: This wasn't me"), Verdict::Other);
        assert_eq!(under("On Mon, 16 Mar 2026 at 10:00, Shop <it-was-not-me@shop.example> wrote:"), Verdict::Other);
    }

    #[test]
    fn a_sure_denial_is_no_help_desks() {
        let stock = [Mark::SaysAutomatic, Mark::TicketNumber, Mark::DeskReceived];
        let kind_of = |typed: &str| {
            let mut facts = Facts { typed: typed.into(), marks: stock.into_iter().collect(), ..Facts::default() };
            super::judge(&mut facts, &OurWords::default());
            crate::inbound::kind(&facts).kind
        };
        assert_eq!(kind_of("No reset was requested by our side, it was somebody else. Incident 48213."), Kind::Reply);
        assert_eq!(kind_of("A ticket was opened. The office hours are nine to five."), Kind::AutoReply);
    }

    #[test]
    fn words_come_first() {
        assert_eq!(judge(facts("That was not me!", "", "")).verdict, Verdict::NotMe);
        assert_eq!(judge(facts("thanks, it worked", "it wasn't me", "")).verdict, Verdict::WasMe);
    }

    #[test]
    fn a_denial_in_the_doubtful_part_or_the_subject_is_heard() {
        assert_eq!(judge(facts("", "I did not request this password reset", "")).verdict, Verdict::NotMe);
        assert_eq!(judge(facts("", "", "I did not ask for this")).verdict, Verdict::NotMe);
        assert_eq!(judge(facts("", "", "Re: Reset your password")).verdict, Verdict::Other);
    }
}
