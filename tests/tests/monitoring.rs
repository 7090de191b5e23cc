//! What administrators watch with is true: dashboard and rules name metrics that exist, the table of metrics names all and no others, the
//! rules ring when they should, and each name in the log is documented.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use resetd_tests::answer::Answer;
use resetd_tests::{Config, Site};
use serde_json::json;

/// Those that stand in /metrics only where there is something to tell of.
const NOT_HERE: [&str; 3] = ["resetd_mailbox_up", "resetd_mailbox_unreachable_seconds", "resetd_certificate_expiry_timestamp_seconds"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A day's work, and what it shows.
fn metrics() -> String {
    let site = Site::with(&Config::new().shop("method = \"both\""));
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, "Please help me, the link does not open.").build());
    site.redeem("nonsense").expect(404);
    site.client().post("/v1/resets/redeem", &json!({ "portal": "shop", "account": "ann", "code": "00000000" })).expect(404);
    site.redeem(&mail.token()).expect(200);
    site.client().get("/metrics").expect(200).text()
}

/// The families of a scrape.
fn families(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// Words that begin with `resetd_` and are metrics' names, without the endings of a histogram.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let bare = |word: &str| ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned();
    words.filter(|word| word.starts_with("resetd_")).map(bare).collect()
}

#[test]
fn dashboard_rules_and_table_name_what_is_there() {
    let mut there = families(&metrics());
    assert!(there.len() > 25, "{there:?}");
    there.extend(NOT_HERE.map(str::to_owned));
    for file in ["docs/monitoring/dashboard.json", "docs/monitoring/alerts.yml", "docs/monitoring/alerts_test.yml"] {
        let unknown: Vec<_> = named(&read(file)).into_iter().filter(|name| !there.contains(name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    assert_eq!(named(&read("docs/monitoring/README.md")), there, "the table of metrics");
    let dashboard: serde_json::Value = serde_json::from_str(&read("docs/monitoring/dashboard.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 20);
}

/// No label's value comes from outside, and no family has more series than a person can overlook.
#[test]
fn labels_are_bounded() {
    let site = Site::with(&Config::new().limits("cool_down = \"0s\""));
    let series = |site: &Site| site.client().get("/metrics").expect(200).text().lines().filter(|line| !line.starts_with('#')).count();
    site.mailed("ann");
    site.redeem("nonsense").expect(404);
    let before = series(&site);
    for n in 0..60 {
        site.request_with(&format!("u{n}"), json!({ "client": { "ip": format!("203.0.113.{}", n % 3) } }));
        site.redeem(&format!("nonsense{n}")).expect(404);
    }
    site.until_quiet();
    let text = site.client().get("/metrics").expect(200).text();
    assert_eq!(series(&site), before, "{text}");
    assert!(before < 400, "{before} series");
    assert!(!text.contains("203.0.113") && !text.contains("@") && !text.contains("u5"), "{text}");
}

#[test]
#[ignore = "needs promtool"]
fn promtool_finds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("metrics");
    std::fs::write(&file, metrics()).unwrap();
    let ran = Command::new("promtool").args(["check", "metrics"]).stdin(std::fs::File::open(&file).unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    assert!(ran.status.success() && said.trim().is_empty(), "{said}");
    for args in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let ran = Command::new("promtool").args(args).current_dir(root().join("docs/monitoring")).output().unwrap();
        let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
        assert!(ran.status.success(), "{args:?}: {said}");
    }
}

/// Each rule has its place in the test of what is well; that all of them ring in trouble is counted there.
#[test]
fn every_rule_is_tested() {
    let (rules, tests) = (read("docs/monitoring/alerts.yml"), read("docs/monitoring/alerts_test.yml"));
    let names: BTreeSet<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    for name in &names {
        assert!(tests.contains(&format!("alertname: {name} }}")), "{name}");
    }
    assert!(tests.contains(&format!("exp_samples: [{{ value: {} }}]", names.len())), "{} rules", names.len());
    assert_eq!(rules.matches("action:").count(), names.len(), "each says what to do");
}

#[test]
fn every_name_in_the_log_is_documented() {
    let mut in_code = BTreeSet::new();
    sources(&root().join("daemon/src"), &mut |text| {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for piece in text.split("event = \"").skip(1) {
            in_code.insert(piece.split('"').next().unwrap().to_owned());
        }
    });
    for line in read("daemon/core/src/event.rs").lines() {
        if let Some((_, name)) = line.split_once(" = \"").filter(|_| line.trim_end().ends_with("\",")) {
            in_code.insert(name.trim_end_matches("\",").to_owned());
        }
    }
    assert!(in_code.len() > 70, "only {} found: does the scan still read the sources?", in_code.len());
    let documented: BTreeSet<String> = read("docs/events.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| line.split('`').next().unwrap().to_owned())
        .collect();
    let missing: Vec<_> = in_code.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&in_code).collect();
    assert!(missing.is_empty() && stale.is_empty(), "not documented: {missing:?}; not in the code: {stale:?}");
}

fn sources(folder: &Path, with: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, with);
        } else if path.extension().is_some_and(|end| end == "rs") {
            with(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
