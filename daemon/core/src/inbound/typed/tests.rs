use super::part;

#[test]
fn top_posted_answer_loses_attribution_and_quote() {
    let parted = part("No, I didn't ask.\n\nOn Mon, 1 Jan 2024 at 10:00, Support <a@b.example> wrote:\n> If this wasn't you, answer.\n");
    assert_eq!(parted.typed, "No, I didn't ask.");
    assert!(parted.quoted);
}

#[test]
fn inline_answers_stay_and_their_quotes_go() {
    let text = "On 1 Jan 2024, at 10:00, S <a@b.example> wrote:\n> You asked?\n\nNo.\n\n> Was it you?\n\nNever.\n";
    assert_eq!(part(text).typed, "No.\n\nNever.");
}

#[test]
fn a_citation_by_hand_stays_with_its_mark() {
    assert_eq!(part("> You asked?\n\nNo.").typed, "> You asked?\n\nNo.");
}

#[test]
fn words_about_writing_are_not_an_attribution() {
    for text in ["In 2019 my brother wrote:\nyou are mad\nand it was him", "Sent by mistake, sorry", "From: me\nit was not me"] {
        assert_eq!(part(text).typed, text);
    }
}

#[test]
fn a_signature_never_takes_all_words() {
    assert!(part("-- \nnot me").typed.contains("not me"));
    assert_eq!(part("Sent from my iPhone").typed, "Sent from my iPhone");
}
