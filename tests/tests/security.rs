//! docs/security.md is true: every test that it names is there, every requirement and every flaw that it has to answer has a row, and no row
//! is empty. And each law has mutants in tests/mutations that apply to the sources as they are. (`tests/mutate` runs them.)

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is answered at the least, by the first cell of its row.
const REQUIREMENTS: [(&str, &str); 3] = [
    (
        "OWASP ASVS 5.0",
        "1.3.11 2.3.3 2.4.1 4.1.3 6.1.1 6.3.7 6.3.8 6.4.1 6.4.2 6.4.3 6.4.4 6.4.5 6.4.6 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.2 6.6.3 7.4.3 11.2.4 \
         11.5.1 13.1.2 13.1.3 13.2.2 13.2.6 14.2.1 14.2.7 14.3.2 16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.4.1 16.5.2 16.5.3",
    ),
    (
        "OWASP Forgot Password Cheat Sheet",
        "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24 F25 F26 F27 F28",
    ),
    ("NIST SP 800-63B-4", "N1 N2 N3 N4 N5 N6 N7 N8 N9"),
];
/// The same of the table of flaws.
const FLAWS: [&str; 17] = [
    "A scanner burns the link",
    "Host header",
    "Oracle by status",
    "Oracle by time",
    "Live token in the queue",
    "Live token in the audit log",
    "Live link forwarded to support in a quote",
    "Attempts counted for each request",
    "Racing redeem",
    "Mail flood",
    "Lockout as a weapon",
    "Header injection",
    "Template injection",
    "Reply loop",
    "Forged reply",
    "Double send",
    "Predictable token",
];
const LAWS: usize = 9;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/security.md")).unwrap()
}

/// Each table's rows, by the heading above it.
fn tables(text: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let (mut tables, mut heading, mut rows) = (BTreeMap::<String, Vec<Vec<String>>>::new(), String::new(), 0);
    for line in text.lines() {
        if let Some(title) = line.strip_prefix('#') {
            title.trim_start_matches('#').trim().clone_into(&mut heading);
        }
        let Some(row) = line.strip_prefix('|').and_then(|row| row.trim_end().strip_suffix('|')) else {
            rows = 0;
            continue;
        };
        rows += 1;
        // The first two lines are the table's own head.
        if rows > 2 {
            // A bar inside of a cell is written `\|`.
            let cells = row.replace("\\|", "\u{1}");
            let cells = cells.split('|').map(|cell| cell.replace('\u{1}', "|").trim().to_owned()).collect();
            tables.entry(heading.clone()).or_default().push(cells);
        }
    }
    tables
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The tests that a text names: `redeem::inspect_never_consumes` in tests/tests/redeem.rs, or a path with `.rs` before the name.
fn named(text: &str) -> Vec<(String, String)> {
    let tests = quoted(text).filter_map(|words| words.split_once("::")).filter(|(_, name)| !name.contains(' '));
    tests
        .map(|(file, name)| {
            let file = if file.ends_with(".rs") { file.to_owned() } else { format!("tests/tests/{file}.rs") };
            (file, name.to_owned())
        })
        .collect()
}

/// Whether a source has a test of this name: a function with `#[test]` among the attributes above it.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_it =
        |line: &str| line.trim_start_matches("async ").strip_prefix("fn ").is_some_and(|rest| rest.starts_with(&format!("{name}(")));
    lines.iter().enumerate().filter(|(_, line)| is_it(line)).any(|(at, _)| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

fn is_there((file, name): &(String, String)) -> bool {
    fs::read_to_string(root().join(file)).is_ok_and(|source| has_test(&source, name))
}

#[test]
fn every_test_that_is_named_is_there() {
    let text = page();
    let named = named(&text);
    assert!(named.len() > 100, "{}", named.len());
    let gone: Vec<String> = named.iter().filter(|test| !is_there(test)).map(|(file, name)| format!("{file}::{name}")).collect();
    assert!(gone.is_empty(), "docs/security.md names tests that are not there: {gone:#?}");
}

#[test]
fn a_test_that_is_gone_is_missed() {
    let source =
        "#[test]\n// Why.\n#[ignore = \"x\"]\nfn here() {\n}\n\nfn no_test() {}\n#[tokio::test(flavor = \"x\")]\nasync fn waits() {}\n";
    assert!(has_test(source, "here") && has_test(source, "waits"));
    assert!(!has_test(source, "her") && !has_test(source, "no_test") && !has_test(source, "gone"));
    let text = "`redeem::inspect_never_consumes`, `redeem::was_renamed`, `nowhere::x` and `daemon/core/src/secret/token.rs::nothing_prints_a_secret`";
    let gone: Vec<String> = named(text).into_iter().filter(|test| !is_there(test)).map(|(_, name)| name).collect();
    assert_eq!(gone, ["was_renamed", "x"]);
    let rows = &tables("## Of\n| id | what |\n| --- | --- |\n| 1 | a `\\|` b |\n| 2 | |\n")["Of"];
    assert_eq!(*rows, [vec!["1".to_owned(), "a `|` b".into()], vec!["2".into(), String::new()]]);
}

#[test]
fn every_requirement_and_every_flaw_has_a_row_that_says_something() {
    let tables = tables(&page());
    for (heading, wanted) in REQUIREMENTS {
        let rows = &tables[heading];
        for id in wanted.split_whitespace() {
            assert_eq!(rows.iter().filter(|row| row[0] == id).count(), 1, "{heading} {id}");
        }
    }
    let flaws = &tables["Flaws of other software"];
    for flaw in FLAWS {
        assert_eq!(flaws.iter().filter(|row| row[0].starts_with(flaw)).count(), 1, "{flaw}");
    }
    for (heading, rows) in &tables {
        for row in rows {
            assert_eq!(row.len(), rows[0].len(), "{heading}: {row:?}");
            assert!(row.iter().all(|cell| !cell.is_empty()), "{heading}: an empty cell in {row:?}");
        }
    }
    // Proof: a test, the portal's part and where that is told, or openly none, and why.
    let proven = REQUIREMENTS.iter().map(|(heading, _)| *heading).chain(["Flaws of other software"]);
    for (heading, row) in proven.flat_map(|heading| tables[heading].iter().map(move |row| (heading, row))) {
        let proof = row.last().unwrap();
        let told = proof.contains("(integrate.md#") || proof.contains("(admin.md#") || proof.contains("(#");
        let open = proof.strip_prefix("**open**: ").is_some_and(|why| why.len() > 20);
        assert!(!named(proof).is_empty() || told || open, "{heading} {}: nothing proves it: {proof}", row[0]);
    }
}

#[test]
fn what_it_refers_to_is_there() {
    let text = page();
    let mut links = 0;
    for (at, _) in text.match_indices("](") {
        let target = text[at + 2..].split(')').next().unwrap();
        if target.starts_with("http") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = root().join("docs").join(if file.is_empty() { "security.md" } else { file });
        assert!(path.exists(), "{target}");
        if !anchor.is_empty() {
            let page = fs::read_to_string(path).unwrap();
            let heading = |line: &str| line.starts_with('#').then(|| slug(line.trim_start_matches('#').trim()));
            assert!(page.lines().filter_map(heading).any(|heading| heading == anchor), "{target}");
        }
        links += 1;
    }
    assert!(links > 20, "{links}");
}

#[test]
fn secrets_are_compared_in_constant_time() {
    let folder = root().join("daemon/core/src/secret");
    let mut compared = 0;
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let source = fs::read_to_string(&entry).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        compared += code.matches(".ct_eq(").count();
        // Ids of keys are no secret, and nothing else is compared otherwise.
        let plain: Vec<&str> = code.lines().filter(|line| line.contains(" == ") && !line.contains(".id == id")).collect();
        assert!(plain.is_empty(), "{}: {plain:?}", entry.display());
    }
    assert_eq!(compared, 6, "token, code, tag, and three of the timeline's chain");
}

#[test]
fn no_secret_goes_by_an_address() {
    let description: serde_json::Value = serde_json::from_slice(&fs::read(root().join("docs/openapi.json")).unwrap()).unwrap();
    let mut parameters = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
                let secret = ["token", "code", "secret", "password"].iter().any(|word| name.to_lowercase().contains(word));
                assert!(!secret || place == "header", "{path}: {name} in {place}");
                parameters += 1;
            }
        }
    }
    assert!(parameters > 20, "{parameters}");
}

/// As GitHub makes it of a heading.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn each_law_has_mutants_that_apply() {
    let folder = root().join("tests/mutations");
    let mut of_law: BTreeMap<String, usize> = BTreeMap::new();
    let told = &tables(&page())["Broken on purpose"];
    let mut names: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in &names {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(path).unwrap();
        let head = |field: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(field));
            line.unwrap_or_else(|| panic!("{name} has no {field}")).trim().to_owned()
        };
        let law = head("Law:");
        assert!(name.starts_with(&format!("{}-", law.split(' ').next().unwrap())), "{name}: {law}");
        *of_law.entry(law).or_default() += 1;
        assert!(!head("Breaks:").is_empty(), "{name}");
        let tests = head("Caught by:");
        let tests = named(&tests.split(", ").map(|test| format!("`{test}` ")).collect::<String>());
        assert!(!tests.is_empty() && tests.iter().all(is_there), "{name}: {tests:?}");
        let row = told.iter().find(|row| row[0].contains(&format!("`{name}`"))).unwrap_or_else(|| panic!("{name} stands in no table"));
        assert!(tests.iter().all(|(_, test)| row.iter().any(|cell| cell.contains(test))), "{name}: {row:?}");
        // A small one: what it breaks can be seen.
        assert!(text.lines().filter(|line| line.starts_with(['+', '-'])).count() < 30, "{name} is no small diff");
        let apply = Command::new("git").args(["apply", "--check"]).arg(path).current_dir(root()).output().unwrap();
        assert!(apply.status.success(), "{name} does not apply any more: {}", String::from_utf8_lossy(&apply.stderr));
    }
    assert_eq!(told.len(), names.len(), "a row for each mutant");
    assert!(of_law.len() == LAWS && of_law.values().all(|count| *count >= 2), "{of_law:?}");
}
