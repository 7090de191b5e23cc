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

/// Sentences that begin like an attribution and hold a digit, above every form of a real one.
#[test]
fn a_typed_line_is_never_taken_for_the_beginning_of_the_attribution() {
    let typed = [
        "On 3 occasions I got this mail and I never asked.",
        "Ne, dnes v 5 jsem nic nežádal",
        "Le code à 6 chiffres ne marche pas",
        "At 9:15 today that was me",
        "In der Nacht um 3 war ich nicht wach",
        "Ne stiže mi SMS, promijenila sam broj s A1 na Telemach",
        "3月5日9点不是我操作的",
        "2026. 3. 5. 에 저는 아니에요",
    ];
    let attributions = [
        "On Mon, 1 Jan 2024 at 10:00, Support <a@b.example> wrote:",
        "On Mon, 1 Jan 2024 at 10:00 Support Department\n<reply+abc3h45def9@b.example> wrote:",
        "Am Mo., 1. Jan. 2024 um 10:00 Uhr schrieb Support <a@b.example>:",
        "Support <a@b.example> ezt írta (időpont: 2024. jan. 1., H, 10:00):",
        "Support\n<reply+abc3h45def9@b.example> ezt írta (időpont: 2024. jan. 1., H, 10:00):",
        "Support <\nreply+abc3h45def9@b.example> şunları yazdı (1 Oca 2024 10:00):",
        "Support <a@b.example> wrote:",
        "2026年3月16日(月) 10:00 Support <a@b.example>:",
    ];
    for line in typed {
        for attribution in attributions {
            for gap in ["\n\n", "\n\n-- \nJo\n\n"] {
                let text = format!("{line}{gap}{attribution}\n\n> If this wasn't you, answer.\n");
                assert_eq!(part(&text).typed, line, "{text}");
            }
        }
    }
}

#[test]
fn an_attribution_wrapped_anywhere_goes_whole() {
    for attribution in [
        "On Mon, 16 Mar 2026 07:15:21 +0900\nShop <reply+jncj686qkap663utr55@b.example> wrote:",
        "On Monday, March 16, 2026 at 07:15:21 AM Central European Standard Time, A Shop\n<a@b.example> wrote:",
        "Shop\n(<reply+ic5twj7ezii88@b.example>)\nkirjutas kuupäeval N, 12. november 2026 kell 03:57:",
        "Shop (2026-03-02):",
        "---- Shop schrieb ----",
        "Alıntı Shop <a@b.example>:",
    ] {
        let text = format!("not me\n\n{attribution}\n\n> If this wasn't you, answer.\n");
        assert_eq!(part(&text).typed, "not me", "{text}");
    }
}

/// Yahoo's app, text alone: the original begins on the attribution's line, and nothing marks it.
#[test]
fn an_original_behind_the_colon_goes() {
    for line in [
        "On Monday, March 16, 2026, 10:44 AM, Shop <a@b.example> wrote:   Hello Jo,",
        "Le jeudi 19 novembre 2026 à 04:38:21 UTC+1, Shop <a@b.example> a écrit :   Bonjour Jo,",
        "Op maandag 16 maart 2026 om 10:44:21 CET schreef Shop <a@b.example>:   Hallo Jo,",
        "Shop <a@b.example> 在 2026年3月30日 星期一 上午08:44:21 [GMT+8] 寫道：   Jo，您好",
    ] {
        assert_eq!(part(&format!("not me\n\n{line}\n\nIf this wasn't you, answer.\n")).typed, "not me", "{line}");
    }
}

/// Between the pieces of a quote, a line with an address is an answer.
#[test]
fn an_answer_with_an_address_stays() {
    let text =
        "On Mon, 1 Jan 2024 at 10:00, S <a@b.example> wrote:\n> You asked?\n\nwrite to me, Jo <jo@x.example>\n\n> Was it you?\n\nNever.\n";
    assert_eq!(part(text).typed, "write to me, Jo <jo@x.example>\n\nNever.");
}
