//! Reads `data/verdict/*.tsv`: lines with a label, fillers, and words for the lexicon.

use std::collections::BTreeMap;
use std::path::Path;

use resetd_core::verdict::{Verdict, lexicon, model};

use crate::random::{self, Random};

/// The folder of whole answers.
const ANSWERS: &str = "answers";

/// All data files, read.
pub struct Data {
    pub hash: u64,
    pub languages: Vec<Language>,
    pub lexicon: Vec<(u32, lexicon::Shape, u8)>,
}

/// What one file holds.
pub struct Language {
    pub name: String,
    pub lines: Vec<Line>,
    pub greet: Vec<String>,
    pub sign: Vec<String>,
    pub story: Vec<String>,
}

/// One labelled template.
#[derive(Clone)]
pub struct Line {
    pub label: Verdict,
    /// Whether it overrules the opposite verdict said before it ("… oh wait, that was my wife").
    pub overrules: bool,
    pub template: String,
    /// A whole answer as a person wrote it, not a template.
    pub whole: bool,
    /// Kept out of the first training, to measure with.
    pub held: bool,
}

/// The data files of a folder and of its folder of whole answers, in order.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (folder, prefix) in [(folder.to_owned(), ""), (folder.join(ANSWERS), "answers/")] {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name.ends_with(".tsv") {
                files.push((format!("{prefix}{name}"), std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a folder of data files, or says which line of which file is wrong.
pub fn read(folder: &Path) -> Result<Data, String> {
    let files = files(folder)?;
    let hash = model::data_hash(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    let mut data = Data { hash, languages: Vec::new(), lexicon: Vec::new() };
    let mut ideas: Vec<String> = Vec::new();
    let mut languages: BTreeMap<String, Language> = BTreeMap::new();
    for (name, bytes) in files {
        let text = String::from_utf8(bytes).map_err(|_| format!("{name}: not UTF-8"))?;
        let whole = name.starts_with(ANSWERS);
        let tag = name.rsplit('/').next().unwrap_or(&name).trim_end_matches(".tsv");
        let mut language = languages.remove(tag).unwrap_or_else(|| Language::new(tag));
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |what: &str| format!("{name}:{}: {what}: {line}", number + 1);
            let (label, text) = line.split_once('\t').ok_or_else(|| fault("no tab"))?;
            let text = text.replace("\\n", "\n");
            match label.strip_prefix('=') {
                Some(idea) => {
                    let id = ideas.iter().position(|known| known == idea).unwrap_or_else(|| {
                        ideas.push(idea.to_owned());
                        ideas.len() - 1
                    });
                    let id = u8::try_from(id).map_err(|_| fault("more than 256 ideas"))?;
                    for entry in text.split('|') {
                        let (key, shape) = lexicon::key(entry).ok_or_else(|| fault("empty word"))?;
                        data.lexicon.push((key, shape, id));
                    }
                }
                None => language.add(label, text, whole).map_err(|what| fault(&what))?,
            }
        }
        languages.insert(tag.to_owned(), language);
    }
    data.languages = languages.into_values().collect();
    Ok(data)
}

impl Language {
    fn new(name: &str) -> Self {
        Language { name: name.to_owned(), lines: Vec::new(), greet: Vec::new(), sign: Vec::new(), story: Vec::new() }
    }

    fn add(&mut self, label: &str, template: String, whole: bool) -> Result<(), String> {
        if whole && template.contains(['{', '}']) {
            return Err("a whole answer has no braces".into());
        }
        if template.matches('{').count() != template.matches('}').count() {
            return Err("unbalanced braces".into());
        }
        // by itself, a filler is a letter about nothing
        if matches!(label, "greet" | "sign" | "story") {
            let template = template.clone();
            self.lines.push(Line { label: Verdict::Other, overrules: false, template, whole, held: false });
        }
        match label {
            "greet" => self.greet.push(template),
            "sign" => self.sign.push(template),
            "story" => self.story.push(template),
            _ => {
                let label_only = label.trim_end_matches('+');
                let overrules = label_only != label;
                let held = random::hash(&template).is_multiple_of(5);
                let label = label_only.parse::<Verdict>().map_err(|e| e.to_string())?;
                self.lines.push(Line { label, overrules, template, whole, held });
            }
        }
        Ok(())
    }
}

/// How many texts a template stands for.
pub fn variants(template: &str) -> f32 {
    let mut alternatives = Vec::new();
    let mut total = 1.0f32;
    for c in template.chars() {
        match c {
            '{' => alternatives.push(1.0),
            '|' => alternatives.iter_mut().last().map(|n| *n += 1.0).unwrap_or(()),
            '}' => total *= alternatives.pop().unwrap_or(1.0),
            _ => {}
        }
    }
    total
}

/// One of the texts that a template stands for: `{a|b}` is a or b, and may nest.
pub fn expand(template: &str, random: &mut Random) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let (mut depth, mut from, mut parts, mut end) = (0, open + 1, Vec::new(), rest.len());
        for (i, c) in rest[open..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                '|' if depth == 1 => {
                    parts.push(&rest[from..open + i]);
                    from = open + i + 1;
                }
                _ => {}
            }
            if depth == 0 {
                end = open + i;
                break;
            }
        }
        parts.push(&rest[from..end]);
        out.push_str(&expand(parts[random.below(parts.len())], random));
        rest = rest.get(end + 1..).unwrap_or("");
    }
    out.push_str(rest);
    out
}
