//! resetd.toml(5), from the file as it is installed: keys become entries, the comment above them says what they mean.

use super::roff::Page;

const REFERENCE: &str = include_str!("../../../etc/resetd.toml");

pub fn page() -> String {
    let mut page = Page::new("resetd.toml", 5, "configuration of resetd, the password-reset daemon");
    page.section("Synopsis");
    page.paragraph("/etc/resetd/resetd.toml");
    page.section("Description");
    for block in REFERENCE.split("\n\n") {
        add(&mut page, block);
    }
    page.section("Files");
    page.item(&["/etc/resetd/resetd.toml"], "The file. `resetctl config check` looks it over, `systemctl reload resetd` puts it in force.");
    page.section("See also");
    page.paragraph("resetd(8), resetctl(1), resetctl-config-check(1)");
    page.end()
}

/// Lines without an empty one between them: words, then the keys or the table that they are about.
fn add(page: &mut Page, block: &str) {
    let lines = block.lines().filter(|line| !line.starts_with("# ---") && !line.trim().is_empty());
    let (words, keys): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("# ") || *line == "#");
    let words: Vec<&str> = words.iter().map(|line| line.trim_start_matches('#').strip_prefix(' ').unwrap_or_default()).collect();
    let tables: Vec<&str> = keys.iter().map(|key| bare(key)).filter(|key| key.starts_with('[')).collect();
    tables.iter().for_each(|table| page.subsection(table));
    let keys: Vec<&str> = keys.iter().map(|key| bare(key)).filter(|key| !key.starts_with('[')).collect();
    match (keys.as_slice(), words.is_empty()) {
        ([], true) => {}
        ([], false) => paragraphs(page, &words),
        (keys, _) => page.item(keys, &words.join("\n")),
    }
}

/// A key or table without `#` in front and `# example` behind.
fn bare(line: &str) -> &str {
    line.trim_start_matches('#').trim_end().trim_end_matches("# example").trim_end()
}

/// Words with examples among them, which are indented.
fn paragraphs(page: &mut Page, lines: &[&str]) {
    for lines in lines.chunk_by(|a, b| a.starts_with("    ") == b.starts_with("    ") && !a.is_empty() && !b.is_empty()) {
        match lines {
            [""] => {}
            [first, ..] if first.starts_with("    ") => page.example(&lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")),
            lines => page.paragraph(&lines.join("\n")),
        }
    }
}
