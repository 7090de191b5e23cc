//! Every language says everything: the same keys with the same places as English, in its own script, and what an answer quotes of
//! it is known again.

use std::collections::{BTreeMap, BTreeSet};

use resetd_core::reset::Method;
use resetd_core::verdict::Verdict;

use super::files::Files;
use super::locale::direction;
use super::plural::category;
use super::{Library, Sample, sample_brand};

/// All that mails are written in.
const LANGUAGES: [&str; 36] = [
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt",
    "nb", "nl", "pl", "pt-BR", "pt-PT", "ro", "ru", "sk", "sv", "th", "tr", "uk", "vi", "zh-Hans",
];
const LAST: &str = "zh-Hant";

/// Latin words that stand in every language: of mail, and of our own program.
const LATIN: [&str; 9] = ["Message-ID", "resetctl", "flags", "show", "IP", "DMARC", "UTC", "ID", "e-mail"];

/// Table and key → the sentence's forms.
type Sentences = BTreeMap<(String, String), Vec<(Option<String>, String)>>;

fn languages() -> BTreeMap<String, toml::Table> {
    let files = Files::builtin();
    files.locales().map(|(tag, file)| (tag.to_owned(), file.text.parse().unwrap())).collect()
}

fn sentences(document: &toml::Table) -> Sentences {
    let mut found = Sentences::new();
    for (table, entries) in document.iter().filter(|(table, _)| !["familiar", "format"].contains(&table.as_str())) {
        add(table, entries, &mut found);
    }
    found
}

fn familiar(document: &toml::Table) -> Sentences {
    let mut found = Sentences::new();
    for (table, entries) in document.get("familiar").and_then(toml::Value::as_table).into_iter().flatten() {
        add(table, entries, &mut found);
    }
    found
}

fn add(table: &str, entries: &toml::Value, found: &mut Sentences) {
    for (key, value) in entries.as_table().unwrap() {
        let forms = match value {
            toml::Value::String(text) => vec![(None, text.clone())],
            toml::Value::Table(forms) => forms.iter().map(|(form, text)| (Some(form.clone()), text.as_str().unwrap().to_owned())).collect(),
            other => panic!("[{table}] {key} = {other}"),
        };
        found.insert((table.to_owned(), key.clone()), forms);
    }
}

/// The places of a sentence, each as often as it stands there.
fn places(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    found.sort_unstable();
    found
}

#[test]
fn all_languages_are_there() {
    let wanted: BTreeSet<&str> = LANGUAGES.into_iter().chain([LAST]).collect();
    assert_eq!(languages().keys().map(String::as_str).collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn every_language_has_every_sentence_with_every_place() {
    let all = languages();
    let english = sentences(&all["en"]);
    let mut wrong = Vec::new();
    for (tag, document) in &all {
        let own = sentences(document);
        for key in english.keys().filter(|key| !own.contains_key(*key)) {
            wrong.push(format!("{tag} lacks [{}] {}", key.0, key.1));
        }
        for (key, forms) in own.iter().chain(&familiar(document)) {
            let Some(reference) = english.get(key) else {
                wrong.push(format!("{tag}: [{}] {} is in no other language", key.0, key.1));
                continue;
            };
            let other = |forms: &[(Option<String>, String)]| {
                forms.iter().find(|(form, _)| form.as_deref().is_none_or(|form| form == "other")).map(|(_, text)| text.clone())
            };
            let needed = other(reference).unwrap();
            for (form, text) in forms {
                // A form that stands for one number may say it in words.
                let exact = form.as_deref().is_some_and(|form| ["zero", "one", "two"].contains(&form));
                let number = |place: &&str| ["link_minutes", "code_minutes", "count"].contains(place);
                let strip =
                    |text: &str| places(text).into_iter().filter(|place| !exact || !number(place)).map(str::to_owned).collect::<Vec<_>>();
                if strip(text) != strip(&needed) {
                    wrong.push(format!("{tag}: [{}] {} ({form:?}) has {:?} instead of {:?}", key.0, key.1, places(text), places(&needed)));
                }
            }
        }
        let dates = document.get("format").and_then(toml::Value::as_table);
        if dates.is_none_or(|dates| super::dates::Dates::parse(dates).is_err()) {
            wrong.push(format!("{tag}: [format]"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A number whose form is not written falls back to `other`, which may be wrong for it.
#[test]
fn every_number_has_its_form() {
    let mut wrong = BTreeSet::new();
    for (tag, document) in languages() {
        for ((table, key), forms) in sentences(&document).into_iter().chain(familiar(&document)) {
            let has = |name: &str| forms.iter().any(|(form, _)| form.as_deref() == Some(name));
            if forms[0].0.is_none() {
                continue;
            }
            for n in 1..=200 {
                let name = format!("{:?}", category(&tag.to_lowercase(), n)).to_lowercase();
                if !has(&name) {
                    wrong.insert(format!("{tag}: [{table}] {key} has no form `{name}` (for {n})"));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// "One" of Russian is 21 too: a form that is not for one number alone must say which.
#[test]
fn a_form_for_several_numbers_names_them() {
    let mut wrong = Vec::new();
    for (tag, document) in languages() {
        for ((table, key), forms) in sentences(&document).into_iter().chain(familiar(&document)) {
            for (form, text) in &forms {
                let Some(form) = form else { continue };
                let numbers = (1..=200).filter(|n| format!("{:?}", category(&tag.to_lowercase(), *n)).to_lowercase() == *form).count();
                let says = ["{link_minutes}", "{code_minutes}", "{count}"].iter().any(|place| text.contains(place));
                if numbers > 1 && !says {
                    wrong.push(format!("{tag}: [{table}] {key} `{form}` stands for {numbers} numbers and names none"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_latin_is_left_over_in_other_scripts() {
    let mut wrong = Vec::new();
    for tag in ["ar", "bg", "el", "fa", "he", "hi", "ja", "ko", "ru", "th", "uk", "zh-Hans", "zh-Hant"] {
        let document = &languages()[tag];
        for ((table, key), forms) in sentences(document).into_iter().chain(familiar(document)) {
            for (_, text) in forms {
                let bare: String = text
                    .split('{')
                    .enumerate()
                    .map(|(i, part)| if i == 0 { part } else { part.split_once('}').map_or("", |(_, rest)| rest) })
                    .collect::<Vec<_>>()
                    .join(" ");
                let words = bare
                    .split(|c: char| !(c.is_ascii_alphabetic() || c == '-'))
                    .filter(|word| word.chars().any(|c| c.is_ascii_alphabetic()));
                wrong.extend(words.filter(|word| !LATIN.contains(word)).map(|word| format!("{tag}: [{table}] {key}: {word}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_in_english() {
    let all = languages();
    let english = sentences(&all["en"]);
    let mut wrong = Vec::new();
    for (tag, document) in all.iter().filter(|(tag, _)| *tag != "en") {
        for (key, forms) in sentences(document) {
            let same = forms.iter().any(|(_, text)| {
                english[&key]
                    .iter()
                    .any(|(_, theirs)| theirs == text && text.split(' ').count() > 2 && text.contains(|c: char| c.is_lowercase()))
            });
            // Two places and a sign are the same everywhere.
            if same && english[&key][0].1.chars().filter(|c| c.is_alphabetic()).count() > 30 {
                wrong.push(format!("{tag}: [{}] {}", key.0, key.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Quoted back without any mark, "if it wasn't you" decides nothing.
#[test]
fn our_own_sentence_is_known_again() {
    let library = Library::builtin().unwrap();
    let ours = library.our_words();
    let brand = sample_brand();
    let values = Sample::new(&brand, Method::Link).values();
    let fields = super::fields::Fields::new(&values);
    let mut checked = 0;
    for (name, wording) in library.builtin.wordings() {
        for (tag, language) in &wording.languages {
            let Some(sentence) = language.say(name, "not_you", &fields, false) else { continue };
            let left = ours.cut_from(&format!("abc\n\n{sentence}\n\nxyz")).unwrap_or_else(|| sentence.clone());
            let letters = |text: &str| {
                text.replace("help@shop.example", "").replace("Example Shop", "").chars().filter(|c| c.is_alphabetic()).count()
            };
            assert!(letters(&left) <= 6 + letters(&sentence) / 5, "{tag} {name}: of {sentence:?} there is left {left:?}");
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked}");
}

/// The answer that one tap sends is a denial in every language, and so are the words of the button, though an alert to support says
/// the same.
#[test]
fn the_ready_answer_is_heard_as_a_denial() {
    let ours = Library::builtin().unwrap().our_words();
    let mut wrong = Vec::new();
    for (tag, document) in languages() {
        for found in [sentences(&document), familiar(&document)] {
            for (key, least) in [("not_me_button", 0.0), ("not_me_body", 0.7)] {
                let Some(forms) = found.get(&("common".to_owned(), key.to_owned())) else { continue };
                let mut facts = resetd_core::inbound::Facts { typed: forms[0].1.clone(), ..Default::default() };
                let judgement = resetd_core::answer::judge(&mut facts, &ours);
                if judgement.verdict != Verdict::NotMe || judgement.confidence < least {
                    wrong.push(format!("{tag}: {:?} is {:?} ({:.2})", forms[0].1, judgement.verdict, judgement.confidence));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An empty answer to a mail of ours has its subject, which is no word of the person's.
#[test]
fn our_own_subject_says_nothing() {
    let library = Library::builtin().unwrap();
    let ours = library.our_words();
    let brand = sample_brand();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for method in [Method::Link, Method::Code, Method::Both] {
        let values = Sample::new(&brand, method).values();
        for (name, wording) in library.builtin.wordings() {
            for tag in wording.languages.keys() {
                let Ok(mail) = library.builtin.render(name, tag, super::fields::Fields::new(&values)) else { continue };
                checked += 1;
                let subject = Some(format!("Re: {}", mail.subject));
                let mut facts = resetd_core::inbound::Facts { subject, references: vec!["a@b".into()], ..Default::default() };
                let judgement = resetd_core::answer::judge(&mut facts, &ours);
                if judgement.verdict != Verdict::Other {
                    wrong.push(format!("{tag} {name}: {} is {:?} ({:.2})", mail.subject, judgement.verdict, judgement.confidence));
                }
            }
        }
    }
    assert!(checked > 800, "{checked}");
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn right_to_left_is_set_out() {
    let library = Library::builtin().unwrap();
    let brand = sample_brand();
    for tag in ["ar", "fa", "he"] {
        assert_eq!(direction(tag), "rtl");
        let values = Sample::new(&brand, Method::Both).values();
        let mail = library.builtin.render("easy", tag, super::fields::Fields::new(&values)).unwrap();
        assert!(mail.html.contains(&format!("<html lang=\"{tag}\" dir=\"rtl\">")));
        assert!(mail.text.contains("\u{2068}anna.kovacs@mail.example\u{2069}"), "{tag}: {}", *mail.text);
    }
}
