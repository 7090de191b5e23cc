//! Every statement of the store uses an index. The statements are taken from the sources, prepared on a database that the
//! daemon made, and explained: none may walk through a table that grows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use resetd_tests::{Config, Site};
use rusqlite::Connection;

/// Tables that grow with use.
const BIG: [&str; 10] = ["reset", "mail", "event", "inbound", "flag", "idempotency", "wrong_code", "login", "imap_folder", "imap_owed"];

/// Walks that are let pass: a piece of the statement, the table as the plan calls it, the reason.
const LET_PASS: [(&str, &str, &str); 3] = [
    ("FROM reset ORDER BY n LIMIT ?2", "reset", "the oldest rows by number, at most a slice"),
    ("FROM inbound ORDER BY n LIMIT ?2", "inbound", "the oldest rows by number, at most a slice"),
    ("FROM reset ORDER BY n DESC", "reset", "at start, newest first; the reader stops at the first row older than an hour"),
];

#[test]
fn no_statement_walks_through_a_table_that_grows() {
    let mut site = Site::with(&Config::new());
    site.mailed("ann");
    site.stop();
    let conn = Connection::open(site.path().join("state/resetd.db")).unwrap();
    // As the daemon's own connections are: plans that don't look at what is bound.
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    let statements = statements();
    assert!(statements.len() > 60, "only {} statements found: does the scan still read the sources?", statements.len());
    let mut wrong = Vec::new();
    let mut needed = BTreeSet::new();
    for (file, sql) in &statements {
        let walks = walks(&conn, sql).unwrap_or_else(|error| panic!("{file}: {error}\n{sql}"));
        for walk in walks {
            match LET_PASS.iter().find(|(piece, table, _)| sql.contains(piece) && walk.table == *table) {
                Some((piece, ..)) => drop(needed.insert(*piece)),
                None => wrong.push(format!("{file}: {}\n    {sql}", walk.plan)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} walks:\n{}", wrong.len(), wrong.join("\n"));
    let unneeded: Vec<&str> = LET_PASS.iter().map(|(piece, ..)| *piece).filter(|piece| !needed.contains(piece)).collect();
    assert!(unneeded.is_empty(), "exceptions for nothing: {unneeded:?}");
}

/// The judge itself: a statement without an index is caught, one with it is not.
#[test]
fn a_walk_is_caught() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE reset (n INTEGER PRIMARY KEY, id BLOB UNIQUE, email TEXT, state TEXT); CREATE INDEX open ON reset (email) WHERE state = 'sent';").unwrap();
    let caught = |sql: &str| !walks(&conn, sql).unwrap().is_empty();
    assert!(caught("SELECT n FROM reset WHERE email = ?1"));
    assert!(caught("SELECT count(*) FROM reset"));
    assert!(caught("SELECT id FROM reset r ORDER BY id"), "a whole index is a walk too");
    assert!(caught("UPDATE reset SET state = 'x' WHERE email = ?1"));
    assert!(!caught("SELECT n FROM reset WHERE id = ?1"));
    assert!(!caught("SELECT n FROM reset WHERE email = ?1 AND state = 'sent'"));
    assert!(!caught("SELECT n FROM reset WHERE state = 'sent'"), "a partial index holds only what is open");
}

/// The scan itself: strings joined over lines and from parts are put together.
#[test]
fn statements_are_put_together() {
    let consts = BTreeMap::from([("ROW".to_owned(), "r.n, r.id".to_owned())]);
    let found = |text: &str| statements_in(text, &consts);
    assert_eq!(
        found(
            r#"x.prepare("SELECT 1 \
        FROM reset").y()"#
        ),
        ["SELECT 1 FROM reset"]
    );
    assert_eq!(found(r#"let t = sql(&["SELECT ", ROW, " FROM reset r"]);"#), ["SELECT r.n, r.id FROM reset r"]);
    assert_eq!(found(r#"sql(&["SELECT n FROM flag f WHERE f.n < ?1", open, " ORDER BY f.n"])"#).len(), 3, "each value of `open`");
    assert_eq!(found(r#"doing("selecting"); "UPDATE x SET y = 'z'""#), ["UPDATE x SET y = 'z'"]);
    assert!(found(r#"// "SELECT 1""#).is_empty());
}

/// What a part that is no constant may be.
fn variants(name: &str) -> Vec<String> {
    match name {
        "open" => vec![String::new(), " AND f.resolved_at IS NULL".into(), " AND f.resolved_at IS NOT NULL".into()],
        other => panic!("what may `{other}` be in a statement? Say so here."),
    }
}

/// A walk through a table.
struct Walk {
    table: String,
    plan: String,
}

fn walks(conn: &Connection, sql: &str) -> rusqlite::Result<Vec<Walk>> {
    let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let mut rows = explain.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let plan: String = row.get(3)?;
        let Some(rest) = plan.strip_prefix("SCAN ") else { continue };
        let alias = rest.split(' ').next().unwrap_or_default();
        let table = table_of(sql, alias);
        let partial = rest.split("INDEX ").nth(1).map(|index| index.split(' ').next().unwrap_or_default());
        let is_partial = match partial {
            Some(index) => {
                conn.query_row("SELECT sql LIKE '% WHERE %' FROM sqlite_master WHERE name = ?1", [index], |row| row.get(0)).unwrap_or(false)
            }
            None => false,
        };
        if BIG.contains(&table.as_str()) && !is_partial {
            found.push(Walk { table, plan });
        }
    }
    Ok(found)
}

/// The table behind an alias: the word before it.
fn table_of(sql: &str, alias: &str) -> String {
    let words: Vec<&str> = sql.split(|c: char| c.is_whitespace() || "(),".contains(c)).filter(|word| !word.is_empty()).collect();
    let named = words.windows(2).find(|two| two[1] == alias && BIG.contains(&two[0])).map(|two| two[0]);
    named.unwrap_or(alias).to_owned()
}

/// File and text of every statement in the store's sources.
fn statements() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon/src/store");
    let files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "rs") && path.file_stem().is_some_and(|name| name != "tests"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .map(|(name, text)| (name, text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()))
        .collect();
    let consts: BTreeMap<String, String> = files.iter().flat_map(|(_, text)| constants(text)).collect();
    files.iter().flat_map(|(name, text)| statements_in(text, &consts).into_iter().map(|sql| (name.clone(), sql))).collect()
}

/// `const NAME: &str = "…";`
fn constants(text: &str) -> Vec<(String, String)> {
    let tokens = tokens(text);
    let named = |at: usize| match tokens.get(at..at + 2) {
        Some([Token::Word(word), Token::Word(name)]) if word == "const" => Some(name.clone()),
        _ => None,
    };
    let string = |at: usize| {
        tokens.get(at + 2..).unwrap_or_default().iter().take(6).take_while(|token| !matches!(token, Token::Other(';'))).find_map(|token| {
            match token {
                Token::Text(text) => Some(text.clone()),
                _ => None,
            }
        })
    };
    (0..tokens.len()).filter_map(|at| named(at).zip(string(at))).collect()
}

fn statements_in(text: &str, consts: &BTreeMap<String, String>) -> Vec<String> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let group = matches!(&tokens[at..tokens.len().min(at + 4)],
            [Token::Word(name), Token::Other('('), Token::Other('&'), Token::Other('[')] if name == "sql");
        if group {
            let mut whole = vec![String::new()];
            at += 4;
            while !matches!(tokens[at], Token::Other(']')) {
                let parts = match &tokens[at] {
                    Token::Text(text) => vec![text.clone()],
                    Token::Word(name) => consts.get(name).map_or_else(|| variants(name), |text| vec![text.clone()]),
                    Token::Other(_) => vec![String::new()],
                };
                whole = whole.iter().flat_map(|head| parts.iter().map(move |part| format!("{head}{part}"))).collect();
                at += 1;
            }
            found.extend(whole);
        } else if let Token::Text(text) = &tokens[at]
            && ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "].iter().any(|verb| text.starts_with(verb))
        {
            found.push(text.clone());
        }
        at += 1;
    }
    found
}

#[derive(Debug)]
enum Token {
    Word(String),
    Text(String),
    Other(char),
}

/// Words, strings and the rest; comments left out, lifetimes and characters taken for words.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if c == '"' {
            let (string, tail) = string(&rest[1..]);
            tokens.push(Token::Text(string));
            rest = tail;
        } else if rest.starts_with("'\"'") {
            rest = &rest[3..];
        } else if c.is_alphanumeric() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Other(c));
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    tokens
}

/// A string's value, from behind its first quote; and what follows it.
fn string(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, &text[at + 1..]),
            '\\' => match chars.next() {
                // A line that goes on: the blanks that begin the next one don't count.
                Some((at, '\n')) => {
                    let blanks = text[at + 1..].chars().take_while(|c| c.is_whitespace()).count();
                    chars.by_ref().take(blanks).for_each(drop);
                }
                Some((_, c)) => out.push(if c == 'n' { '\n' } else { c }),
                None => break,
            },
            c => out.push(c),
        }
    }
    panic!("a string without an end")
}
