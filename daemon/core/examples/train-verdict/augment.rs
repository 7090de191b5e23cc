//! Makes letters out of lines: greetings, stories, several clauses, second thoughts, dates, signatures, slips of the hand.

use resetd_core::verdict::Verdict;

use crate::data::{Language, Line, expand};
use crate::random::Random;

/// Draws one text that a template stands for, dressed up the way people do, and its verdict.
pub fn draw(language: &Language, line: &Line, plain: u64, pool: impl Fn(&Line) -> bool, random: &mut Random) -> (String, Verdict) {
    let mut text = expand(&line.template, random);
    let mut label = line.label;
    if !random.chance(plain) {
        (text, label) = compose(language, line, text, &pool, random);
    }
    if random.chance(if label == Verdict::Other { 35 } else { 8 }) {
        text = strange_words(language, &text, random);
    }
    if random.chance(7) {
        text = stamped(language, &text, random);
    }
    if random.chance(22) {
        for _ in 0..1 + random.below(2) {
            text = slip(&text, random);
        }
    }
    if random.chance(12) {
        text = respell(&language.name, &text, random);
    }
    (text, label)
}

fn compose(language: &Language, line: &Line, mut text: String, pool: &impl Fn(&Line) -> bool, random: &mut Random) -> (String, Verdict) {
    let mut label = line.label;
    let another = |wanted: &dyn Fn(&Line) -> bool, random: &mut Random| {
        let fitting: Vec<&Line> = language.lines.iter().filter(|l| pool(l) && wanted(l)).collect();
        random.pick(&fitting).map(|l| expand(&l.template, random))
    };
    if line.overrules && random.chance(55) {
        let opposite = if label == Verdict::NotMe { Verdict::WasMe } else { Verdict::NotMe };
        if let Some(before) = another(&|l| l.label == opposite && !l.overrules, random) {
            text = join(&before, &text, random);
        }
    } else if label != Verdict::Other && random.chance(38) {
        // (what, where, verdict of the whole); a denial outweighs a question, a question outweighs "that was me"
        let (wanted, before, whole) = match (label, random.below(6)) {
            (Verdict::NotMe, 0..=2) => (Verdict::NotMe, random.chance(50), Verdict::NotMe),
            (Verdict::NotMe, 3) => (Verdict::Help, random.chance(30), Verdict::NotMe),
            (Verdict::NotMe, 4) => (Verdict::Other, random.chance(50), Verdict::NotMe),
            (Verdict::WasMe, 0..=3) => (Verdict::WasMe, random.chance(50), Verdict::WasMe),
            (Verdict::Help, 0..=2) => (Verdict::Help, random.chance(50), Verdict::Help),
            (Verdict::Help, 3) => (Verdict::WasMe, true, Verdict::Help),
            _ => (label, true, label),
        };
        if let Some(other) = another(&|l| l.label == wanted && !l.overrules && l.template.chars().count() > 12, random) {
            text = if before { join(&other, &text, random) } else { join(&text, &other, random) };
            label = whole;
        }
    }
    for _ in 0..2 {
        if random.chance(22)
            && let Some(story) = random.pick(&language.story)
        {
            let story = expand(story, random);
            text = if random.chance(70) { join(&story, &text, random) } else { join(&text, &story, random) };
        }
    }
    if random.chance(30)
        && let Some(greet) = random.pick(&language.greet)
    {
        let gap = *random.pick(&["\n\n", "\n", ", ", " ", "! "]).unwrap_or(&" ");
        text = format!("{}{gap}{text}", expand(greet, random));
    }
    if random.chance(30)
        && let Some(sign) = random.pick(&language.sign)
    {
        let gap = *random.pick(&["\n\n", "\n", " ", ". "]).unwrap_or(&" ");
        text = format!("{text}{gap}{}", expand(sign, random));
    }
    (text, label)
}

fn join(a: &str, b: &str, random: &mut Random) -> String {
    let gap = random.pick(&[". ", ". ", ", ", " ", "\n", "! ", " - ", "... "]).unwrap_or(&". ");
    let a = a.trim_end_matches(['.', '!', '。', '।']);
    format!("{a}{gap}{b}")
}

/// Puts a date, a time, a code or an address of the mail that is answered before or behind a text: they say nothing about it.
fn stamped(language: &Language, text: &str, random: &mut Random) -> String {
    let (day, month, hour, minute) = (1 + random.below(28), 1 + random.below(12), random.below(24), 10 + random.below(50));
    let han = matches!(language.name.as_str(), "ja" | "zh" | "zh-TW");
    let stamp = match random.below(8) {
        0 if han => format!("2026年{month}月{day}日 {hour}:{minute}"),
        1 if language.name == "zh" => format!("{month}月{day}日{hour}时{minute}分"),
        1 if han => format!("{month}月{day}日{hour}時{minute}分"),
        0 | 1 => format!("{day}.{month}.2026 {hour}:{minute}"),
        2 => format!("2026/{month}/{day} {hour}:{minute}"),
        3 => format!("2026-{month:02}-{day:02}"),
        4 | 5 => format!("{hour}:{minute}"),
        6 => format!("{:04} {:04}", random.below(10_000), random.below(10_000)),
        _ => format!("203.0.113.{}", random.below(256)),
    };
    match random.below(5) {
        0 | 1 => format!("{stamp} {text}"),
        2 => format!("{stamp}: {text}"),
        3 => format!("{stamp}\n{text}"),
        _ => format!("{text} {stamp}"),
    }
}

/// Puts made-up words for one to three words, so that what the model has never met says nothing by itself.
fn strange_words(language: &Language, text: &str, random: &mut Random) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for _ in 0..1 + random.below(3) {
        let at = random.below(words.len());
        let [Some(a), Some(b)] = [(); 2].map(|()| some_word(language, random)) else {
            continue;
        };
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let made: String = a[..a.len().div_ceil(2)].iter().chain(&b[b.len() / 2..]).collect();
        if words[at].chars().count() > 3 {
            words[at] = made;
        } else {
            words.insert(at, made);
        }
    }
    words.join(" ")
}

fn some_word(language: &Language, random: &mut Random) -> Option<String> {
    let line = random.pick(&language.lines)?;
    let text = expand(&line.template, random);
    let words: Vec<&str> = text.split_whitespace().filter(|word| word.chars().count() > 3).collect();
    random.pick(&words).map(|word| (*word).to_owned())
}

/// One slip: a letter lost, doubled, swapped or replaced, or a space lost.
fn slip(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    if chars.len() < 5 {
        return text.to_owned();
    }
    let at = 1 + random.below(chars.len() - 2);
    if chars[at] == ' ' {
        if random.chance(40) {
            chars.remove(at);
        }
    } else if chars[at].is_alphabetic() {
        match random.below(4) {
            0 => drop(chars.remove(at)),
            1 if chars[at + 1].is_alphabetic() => chars.swap(at, at + 1),
            2 => {
                let letters: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
                chars[at] = *random.pick(&letters).unwrap_or(&'x');
            }
            _ => chars.insert(at, *random.pick(&['e', 'a', 'n', 'r', 's']).filter(|_| chars[at].is_ascii()).unwrap_or(&chars[at])),
        }
    }
    chars.into_iter().collect()
}

/// Letters that people type for others where folding alone does not bring them together.
fn respell(language: &str, text: &str, random: &mut Random) -> String {
    let table: &[(&str, &str)] = match language {
        "el" => &[("ω", "w"), ("ώ", "w"), ("η", "h"), ("ή", "h"), ("θ", "8"), ("ξ", "3"), ("χ", "h"), ("ευ", "ef"), ("μπ", "b")],
        "ru" | "uk" | "bg" => &[("ч", "4"), ("ц", "c"), ("щ", "sch"), ("ж", "j"), ("х", "x"), ("ш", "w"), ("ъ", "u"), ("ъ", "y")],
        "hi" => &[("ं", ""), ("ा", "aa"), ("ी", "ee"), ("ँ", ""), ("ये", "yeh"), ("यह", "ye"), ("फ", "ph"), ("ज", "z")],
        "hr" | "cs" | "sk" | "lt" => &[("š", "sh"), ("č", "ch"), ("ž", "zh"), ("ć", "ch")],
        "tr" => &[("ş", "sh"), ("ç", "ch")],
        "ro" => &[("ș", "sh"), ("ț", "tz")],
        "en" => &[("you", "u"), ("are", "r"), ("please", "pls"), ("this", "dis"), ("the ", "da "), ("ing", "in"), ("to ", "2 ")],
        _ => &[],
    };
    table.iter().fold(text.to_owned(), |text, (from, to)| if random.chance(60) { text.replace(from, to) } else { text })
}
