//! A database with a past. The daemon makes it and sends one mail; that mail's rows are then copied a million times by SQL, with
//! what must differ put in its place, so that whatever columns the schema has are filled as the daemon fills them.

use resetd_tests::{Config, Sink, Site};
use rusqlite::Connection;

use crate::progress::Progress;

/// Rows of one statement.
const SLICE: u64 = 50_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// What the copies are.
#[derive(Clone, Copy)]
pub enum Past {
    /// Mailed between twenty days and two hours ago; redeemed and expired in turn.
    Ended,
    /// Asked for within the last fifty minutes, mails to be tried again in an hour.
    Later,
    /// The same, to be tried now.
    Due,
}

/// A stopped site with so many of them in its database.
pub fn site(config: &Config, past: Past, count: u64, progress: &Progress) -> Site {
    let sink = Sink::new();
    let mut site = Site::with(&crate::unlimited(sink.port()));
    site.events();
    let id = site.request("pattern");
    site.events().until(&id, "mail.sent");
    site.stop();
    site.configure(config);
    let conn = Connection::open(site.path().join("state/resetd.db")).unwrap();
    // Nobody needs this file after a crash.
    conn.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA foreign_keys = OFF;")
        .unwrap();
    let mut copies = Copies { past, count, now: number(&conn, "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)"), first: 0 };
    copies.first = number(&conn, "SELECT max(coalesce((SELECT max(n) FROM reset), 0), coalesce((SELECT max(n) FROM mail), 0))");
    for from in (1..=count).step_by(SLICE as usize) {
        progress.say(&format!("filling a database: {} of {count}", from - 1));
        let slice = (from, (from + SLICE - 1).min(count));
        conn.execute_batch("BEGIN").unwrap();
        copies.reset(&conn, slice);
        copies.mail(&conn, slice);
        copies.events(&conn, slice);
        conn.execute_batch("COMMIT").unwrap();
    }
    drop(conn);
    // What is still to be written would be written in the rounds, and every sync in them would wait for it.
    progress.say("writing it to the disk");
    std::fs::File::open(site.path().join("state/resetd.db")).unwrap().sync_all().unwrap();
    site
}

fn number(conn: &Connection, query: &str) -> i64 {
    conn.query_row(query, [], |row| row.get(0)).unwrap()
}

struct Copies {
    past: Past,
    count: u64,
    /// Milliseconds since 1970.
    now: i64,
    /// Row numbers begin behind this one.
    first: i64,
}

type Slice = (u64, u64);

impl Copies {
    fn reset(&self, conn: &Connection, slice: Slice) {
        let (n, created) = (self.n(), self.created());
        let state = match self.past {
            Past::Ended => "iif(i % 2, 'redeemed', 'expired')",
            Past::Later | Past::Due => "'accepted'",
        };
        let (sent, until) = match self.past {
            Past::Ended => (format!("{created} + 2"), format!("{created} + {}", 30 * MINUTE)),
            Past::Later | Past::Due => ("NULL".to_owned(), format!("{created} + {}", 120 * MINUTE)),
        };
        let changed = [
            ("n", n.as_str()),
            ("id", "randomblob(16)"),
            ("selector", "randomblob(16)"),
            ("account", "printf('old%08d', i)"),
            ("email", "printf('old%08d@mail.example', i)"),
            ("state", state),
            ("created_at", &created),
            ("sent_at", &sent),
            ("until", &until),
            ("code_until", &until),
        ];
        copy(conn, "reset", "", &changed, slice);
    }

    fn mail(&self, conn: &Connection, slice: Slice) {
        let (n, created) = (self.n(), self.created());
        let (state, due, remote) = match self.past {
            Past::Ended => ("'done'", created.clone(), "printf('4bXyZ%010d', i)"),
            Past::Later => ("'queued'", format!("{} + i", self.now + 60 * MINUTE), "NULL"),
            Past::Due => ("'queued'", created.clone(), "NULL"),
        };
        let changed = [
            ("n", n.as_str()),
            ("reset_n", &n),
            ("state", state),
            ("created_at", &created),
            ("due_at", &due),
            ("useful_until", &format!("{created} + {}", 120 * MINUTE)),
            ("remote_id", remote),
        ];
        copy(conn, "mail", "", &changed, slice);
    }

    fn events(&self, conn: &Connection, slice: Slice) {
        let (n, created) = (self.n(), self.created());
        let event = |pattern: &str, kind: &str, after: i64| {
            let at = format!("{created} + {after}");
            let wanted = format!("WHERE kind = '{pattern}'");
            copy(conn, "event", &wanted, &[("id", "NULL"), ("at", &at), ("kind", kind), ("reset_n", &n)], slice);
        };
        event("reset.accepted", "'reset.accepted'", 0);
        if let Past::Ended = self.past {
            event("mail.sent", "'mail.sent'", 2);
            event("mail.sent", "iif(i % 2, 'reset.redeemed', 'reset.expired')", 30 * MINUTE);
        }
    }

    fn n(&self) -> String {
        format!("{} + i", self.first)
    }

    /// In the order of the rows, as it is with rows that were written one after the other.
    fn created(&self) -> String {
        let (oldest, newest) = match self.past {
            Past::Ended => (20 * DAY, 120 * MINUTE),
            Past::Later | Past::Due => (50 * MINUTE, MINUTE),
        };
        format!("{} + i * {} / {}", self.now - oldest, oldest - newest, self.count)
    }
}

/// Copies the first row of a table, with these columns changed.
fn copy(conn: &Connection, table: &str, wanted: &str, changed: &[(&str, &str)], (from, to): Slice) {
    let mut select = conn.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
    let columns: Vec<String> = select.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for (name, _) in changed {
        assert!(columns.iter().any(|column| column == name), "{table} has no {name} any more");
    }
    let value = |column: &String| {
        let found = changed.iter().find(|(name, _)| name == column);
        found.map_or_else(|| format!("t.{column}"), |(_, value)| (*value).to_owned())
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let text = format!(
        "WITH RECURSIVE s(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM s WHERE i < {to}) \
         INSERT INTO {table} ({}) SELECT {} FROM s, {table} t WHERE t.rowid = (SELECT min(rowid) FROM {table} {wanted})",
        columns.join(", "),
        values.join(", ")
    );
    let copied = conn.execute(&text, []).unwrap();
    assert!(copied as u64 == to - from + 1, "{copied} rows of {table}");
}
