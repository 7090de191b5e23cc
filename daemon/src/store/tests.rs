//! Chain, copies, erasure, purge and keys, on files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::{PortalName, ResetId};
use resetd_core::limits::Limits;
use resetd_core::reset::{Method, Refusal};
use resetd_core::secret::{KeyRing, Selector};
use resetd_core::time::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use super::chain::audit;
use super::restore::{Ask, restore};
use super::*;

const HOUR: u64 = 3_600_000;

fn rings() -> Arc<ArcSwap<KeyRing>> {
    Arc::new(ArcSwap::from_pointee(ring(&KeyRing::first_file(&[7; 32]))))
}

fn ring(file: &str) -> KeyRing {
    KeyRing::parse(file).unwrap()
}

pub(super) fn open(path: &Path) -> Opened {
    open_at(path, at(0))
}

fn open_at(path: &Path, now: Timestamp) -> Opened {
    Store::open(path, 1, rings(), now).unwrap()
}

fn at(hours: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(1_700_000_000_000 + hours * HOUR).unwrap())
}

fn shop() -> PortalName {
    PortalName::parse("shop").unwrap()
}

fn request(fill: u8, account: &str, now: Timestamp) -> Request {
    Request {
        id: ResetId::new(now, [fill; 10]),
        selector: Selector::new(now, [fill; 10]),
        key_id: 1,
        portal: shop(),
        account: Some(account.into()),
        email: Mailbox::parse(&format!("{account}@mail.example")).unwrap(),
        name: Some(DisplayName::parse("Annabella").unwrap()),
        locale: "en".into(),
        method: Method::Both,
        wording: "easy".into(),
        ip: Some("203.0.113.77".into()),
        user_agent: Some("Netscape Navigator".into()),
        valid_since: None,
        created_at: now,
        until: now + Duration::from_secs(7200),
        useful_until: now + Duration::from_secs(1800),
        limits: Limits::default(),
        portal_limit: u32::MAX,
        newest_only: false,
        code_budget: CodeBudget { tries: 5, window: Duration::from_secs(7200), per_ip: u32::MAX, per_portal: u32::MAX },
        idempotency: None,
        origin: "request",
    }
}

/// Waits until the writer has ended: then the file is whole.
async fn close(opened: Opened) {
    drop(opened.store);
    tokio::task::spawn_blocking(move || opened.thread.join().unwrap()).await.unwrap();
}

/// Waits until all is in the file itself. The last connection puts the log there; where two end at the same moment, neither takes itself
/// for the last.
fn settle(path: &Path) {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    while log.exists() {
        Connection::open(path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }
}

/// Five lines, and the file.
async fn five_lines() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let opened = open(&path);
    for by in 1..=5 {
        opened.store.exported(Some(shop()), by, at(u64::from(by))).await.unwrap();
    }
    close(opened).await;
    settle(&path);
    (dir, path)
}

/// What an audit finds after this was done to the file, by whoever has no key.
fn found_after(path: &Path, done: &str) -> Vec<(i64, AuditTrouble)> {
    let copy = path.with_extension("copy");
    settle(path);
    std::fs::copy(path, &copy).unwrap();
    let conn = Connection::open(&copy).unwrap();
    conn.execute_batch(done).unwrap();
    let found = audit(&conn, &rings().load(), None).unwrap();
    drop(conn);
    std::fs::remove_file(&copy).unwrap();
    found.troubles
}

#[tokio::test]
async fn a_line_that_is_altered_missing_moved_or_cut_off_is_found() {
    use AuditTrouble::{Altered, Floor, Head, Missing, Truncated};
    let (_dir, path) = five_lines().await;
    assert_eq!(found_after(&path, ""), []);
    for altered in [
        "at = at + 1",
        "kind = 'reset.redeemed'",
        "portal = 'bank'",
        "portal = NULL",
        "reset_n = 1",
        "detail = '{\"uid\":0}'",
        "detail = ''",
        "detail = '~00112233445566778899aabbccddeeff'",
        "digest = NULL",
        "digest = x'00'",
        "link = x'00112233445566778899aabbccddeeff'",
        "link = NULL",
    ] {
        let found = found_after(&path, &format!("UPDATE event SET {altered} WHERE id = 3"));
        assert_eq!(found.first(), Some(&(3, Altered)), "{altered}: {found:?}");
    }
    assert_eq!(found_after(&path, "DELETE FROM event WHERE id = 3"), [(4, Missing)]);
    assert_eq!(found_after(&path, "DELETE FROM event WHERE id = 1"), [(2, Missing)]);
    assert_eq!(found_after(&path, "DELETE FROM event WHERE id = 5"), [(4, Truncated)]);
    assert_eq!(found_after(&path, "DELETE FROM event"), [(0, Truncated)]);
    // Closed up, so that no number is missing.
    assert_eq!(found_after(&path, "DELETE FROM event WHERE id = 3; UPDATE event SET id = 3 WHERE id = 4")[0].0, 3);
    let swap = "UPDATE event SET id = -3 WHERE id = 3; UPDATE event SET id = 3 WHERE id = 4; UPDATE event SET id = 4 WHERE id = -3";
    assert_eq!(found_after(&path, swap)[0], (3, Altered));
    let copied = "INSERT INTO event (id, at, kind, portal, detail, digest, link) SELECT 6, at, kind, portal, detail, digest, link FROM event WHERE id = 5";
    assert_eq!(found_after(&path, copied)[0], (6, Altered), "a line again");
    // The ends, without the key to vouch for others.
    assert_eq!(found_after(&path, "DELETE FROM chain WHERE name = 'head'")[0].1, Head);
    let shorter =
        "DELETE FROM event WHERE id = 5; UPDATE chain SET id = 4, link = (SELECT link FROM event WHERE id = 4) WHERE name = 'head'";
    assert_eq!(found_after(&path, shorter), [(4, Head)]);
    let later =
        "UPDATE chain SET id = 2, link = (SELECT link FROM event WHERE id = 2) WHERE name = 'floor'; DELETE FROM event WHERE id <= 2";
    assert!(found_after(&path, later).contains(&(2, Floor)));
    assert!(found_after(&path, "DELETE FROM event; DELETE FROM chain").len() >= 2);
}

#[tokio::test]
async fn an_older_state_shows_by_a_head_that_was_printed_since() {
    let (dir, path) = five_lines().await;
    let older = dir.path().join("older");
    std::fs::copy(&path, &older).unwrap();
    let opened = open(&path);
    opened.store.exported(None, 6, at(6)).await.unwrap();
    let head = opened.store.head().await.unwrap().unwrap();
    assert_eq!(super::Head::parse(&head.to_string()), Some(head));
    let now = opened.store.audit(rings().load_full(), Some(head)).await.unwrap();
    assert_eq!((now.troubles.as_slice(), now.head, now.lines), (&[][..], Some(head), 6));
    let conn = Connection::open(&older).unwrap();
    assert_eq!(audit(&conn, &rings().load(), None).unwrap().troubles, [], "by itself it is whole");
    assert_eq!(audit(&conn, &rings().load(), Some(head)).unwrap().troubles, [(6, AuditTrouble::EarlierMissing)]);
    // The same number with another link.
    let other = super::Head { link: resetd_core::secret::Link([1; 16]), ..head };
    assert_eq!(opened.store.audit(rings().load_full(), Some(other)).await.unwrap().troubles, [(6, AuditTrouble::EarlierMissing)]);
}

#[tokio::test]
async fn a_break_is_not_mended_by_a_restart() {
    let (_dir, path) = five_lines().await;
    Connection::open(&path).unwrap().execute_batch("DELETE FROM event WHERE id >= 4; DELETE FROM chain WHERE name = 'head'").unwrap();
    let opened = open(&path);
    opened.store.exported(None, 9, at(9)).await.unwrap();
    let found = opened.store.audit(rings().load_full(), None).await.unwrap();
    assert_eq!(found.troubles, [(6, AuditTrouble::Missing)]);
    close(opened).await;
    let (_dir, path) = five_lines().await;
    Connection::open(&path).unwrap().execute_batch("DELETE FROM event WHERE id >= 4").unwrap();
    let opened = open(&path);
    opened.store.exported(None, 9, at(9)).await.unwrap();
    let found = opened.store.audit(rings().load_full(), None).await.unwrap();
    assert_eq!(found.troubles, [(6, AuditTrouble::Missing)]);
}

#[tokio::test]
async fn what_is_rolled_back_leaves_the_chain_whole() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().join("db"));
    opened.store.exported(None, 1, at(1)).await.unwrap();
    let fails = |tx: &mut writer::Tx<'_>| -> Result<(), StoreError> {
        tx.event(at(2), resetd_core::event::Event::Exported, None, None, serde_json::Value::Null)?;
        Err(StoreError::Full)
    };
    assert!(opened.store.writer.write(fails).await.is_err());
    opened.store.exported(None, 3, at(3)).await.unwrap();
    let found = opened.store.audit(rings().load_full(), None).await.unwrap();
    assert_eq!((found.troubles.as_slice(), found.lines), (&[][..], 2));
}

#[tokio::test]
async fn a_purge_keeps_the_chain_and_no_detail() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().join("db"));
    let mut heads = Vec::new();
    for day in 0..10 {
        opened.store.accept(request(u8::try_from(day).unwrap(), "annabella", at(day * 24))).await.unwrap();
        heads.push(opened.store.head().await.unwrap().unwrap());
    }
    let days = |days: u64| Duration::from_secs(days * 86_400);
    opened.store.expire(at(10 * 24)).await.unwrap();
    while opened.store.purge(days(3), days(6), at(10 * 24)).await.unwrap() > 0 {}
    let audit = |head| opened.store.audit(rings().load_full(), head);
    let found = audit(None).await.unwrap();
    assert_eq!(found.troubles, []);
    assert_eq!(found.first, heads[3].id + 1, "lines of the first four days are gone");
    let three_days = u64::try_from(heads[6].id - heads[3].id).unwrap();
    assert_eq!(found.erased, three_days, "those of the next three have no detail");
    assert!(found.lines > found.erased);
    assert_eq!(audit(Some(heads[5])).await.unwrap().troubles, [], "a head whose line has no detail any more");
    assert_eq!(audit(Some(heads[3])).await.unwrap().troubles, [], "the last line that went");
    assert_eq!(audit(Some(heads[1])).await.unwrap().troubles, [(heads[1].id, AuditTrouble::EarlierPurged)]);
    let path = dir.path().join("db");
    close(opened).await;
    // A rowless beginning can't be moved without the key.
    let later = "DELETE FROM event WHERE id = (SELECT min(id) FROM event)";
    assert_eq!(found_after(&path, later)[0].1, AuditTrouble::Missing);
}

#[tokio::test]
async fn the_chain_goes_through_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let first = KeyRing::first_file(&[7; 32]);
    let rings = Arc::new(ArcSwap::from_pointee(ring(&first)));
    let opened = Store::open(&path, 1, Arc::clone(&rings), at(0)).unwrap();
    opened.store.exported(None, 1, at(1)).await.unwrap();
    let (both, id) = KeyRing::rotated_file(&first, &[8; 32]).unwrap();
    opened.store.key_rotated(id, vec![2], 0, at(2)).await.unwrap();
    rings.store(Arc::new(ring(&both)));
    opened.store.exported(None, 2, at(3)).await.unwrap();
    assert_eq!(opened.store.audit(rings.load_full(), None).await.unwrap().troubles, []);
    let new_alone = ring(both.lines().next().unwrap());
    let found = opened.store.audit(Arc::new(new_alone), None).await.unwrap();
    assert!(found.troubles.contains(&(1, AuditTrouble::Altered)), "who has the new key alone can't vouch for old lines: {found:?}");
}

#[tokio::test]
async fn what_needs_a_key_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let opened = open(&path);
    opened.store.know_key(1, vec![1; 12]).await.unwrap();
    opened.store.know_key(10, vec![2; 12]).await.unwrap();
    assert_eq!(opened.store.know_key(1, vec![9; 12]).await.unwrap(), vec![1; 12], "the first stays");
    assert_eq!(opened.store.known_keys().await.unwrap(), [(1, vec![1; 12]), (10, vec![2; 12])]);
    assert_eq!(keys_of(&path).unwrap().len(), 2);
    opened.store.accept(request(1, "ann", at(1))).await.unwrap();
    let message = SealedMessage { source: "pipe", digests: vec![[1; 12]], envelope: vec![1], raw: vec![1, 2, 3], received_at: at(1) };
    let (n, fresh) = opened.store.keep(message.clone()).await.unwrap();
    assert!(fresh);
    assert_eq!(opened.store.key_needs(1, at(1)).await.unwrap(), KeyNeeds { resets: 1, messages: 1 });
    assert_eq!(opened.store.key_needs(2, at(1)).await.unwrap(), KeyNeeds::default());
    assert_eq!(opened.store.key_needs(1, at(9)).await.unwrap(), KeyNeeds { resets: 0, messages: 1 }, "a link that is late needs none");
    // After a rotation the same message has another digest, and the old one beside it.
    let again = SealedMessage { digests: vec![[2; 12], [1; 12]], ..message };
    assert_eq!(opened.store.keep(again).await.unwrap(), (n, false));
    assert!(keys_of(&dir.path().join("none")).unwrap().is_empty());
}

#[tokio::test]
async fn a_copy_put_back_brings_no_secret_back_to_life() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("resetd.db"), dir.path().join("copy.db"));
    let opened = open(&path);
    let store = opened.store.clone();
    for (fill, account) in [(1, "used"), (2, "denied"), (3, "open"), (4, "erased")] {
        store.accept(request(fill, account, at(1))).await.unwrap();
    }
    let copied = store.backup(copy.clone(), at(2)).await.unwrap();
    assert!(copied.rows.contains(&("reset".into(), 4)) && copied.rows.contains(&("event".into(), 4)), "{copied:?}");
    assert_eq!(copied.head, store.head().await.unwrap());
    assert_eq!(
        std::fs::read_dir(dir.path())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e != "db" && e != "lock" && e != "db-wal" && e != "db-shm"))
            .count(),
        0
    );
    let budget = CodeBudget { tries: 5, window: Duration::from_secs(7200), per_ip: u32::MAX, per_portal: u32::MAX };
    let row = |fill| store.by_selector(Selector::new(at(1), [fill; 10]));
    store.redeem(row(1).await.unwrap().unwrap(), Means::Token, budget, at(2)).await.unwrap().unwrap();
    assert!(store.revoke(row(2).await.unwrap().unwrap(), 0, at(2)).await.unwrap());
    let erased = Person { who: "erased".into(), portal: None };
    let gone = store.forget(erased.clone(), vec![shop()], rings().load_full(), at(3)).await.unwrap();
    assert_eq!(gone.resets, 1);
    let last = store.head().await.unwrap().unwrap();
    let ask = |replace| Ask { copy: &copy, database: &path, replace, now: at(4) };
    assert!(matches!(restore(&ask(true)), Err(super::restore::RestoreError::Store(StoreError::Locked(_)))), "a daemon runs");
    drop(store);
    close(opened).await;
    assert!(matches!(restore(&ask(false)), Err(super::restore::RestoreError::Exists(_))));
    let put = restore(&ask(true)).unwrap();
    assert_eq!((put.copied_at, put.resets, put.not_carried), (Some(at(2)), 4, None));
    assert!(put.kept.unwrap().exists());

    let opened = open_at(&path, at(4));
    let back = opened.store.after_restore(rings().load_full(), at(4)).await.unwrap().unwrap();
    assert_eq!(back, PutBack { copied_at: at(2), resets: 4, forgotten: 1 });
    assert!(opened.store.after_restore(rings().load_full(), at(4)).await.unwrap().is_none(), "once");
    for fill in 1..=4 {
        let row = opened.store.by_selector(Selector::new(at(1), [fill; 10])).await.unwrap().unwrap();
        for means in [Means::Token, Means::Code] {
            let refused = opened.store.redeem(row.clone(), means, budget, at(2)).await.unwrap().unwrap_err();
            assert_eq!(refused, Refusal::Revoked, "{fill}");
        }
        let works = opened.store.waiting(0, 100, at(4)).await.unwrap();
        assert!(works.is_empty(), "no mail with a dead link waits: {works:?}");
    }
    assert!(opened.store.resets_of(Whose::person(erased)).await.unwrap().is_empty(), "who was erased since is erased again");
    let head = opened.store.head().await.unwrap().unwrap();
    assert!(head.id > last.id, "no number comes twice: {head} after {last}");
    let found = opened.store.audit(rings().load_full(), None).await.unwrap();
    assert_eq!(found.troubles, [], "what was taken over is on the chain");
    let found = opened.store.audit(rings().load_full(), Some(last)).await.unwrap();
    assert_eq!(found.troubles, [(last.id, AuditTrouble::EarlierMissing)], "and what was lost shows");
}

/// Whatever tool put it there.
#[tokio::test]
async fn a_copy_that_was_copied_by_hand_is_known_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("a.db"), dir.path().join("b.db"));
    let opened = open(&path);
    opened.store.accept(request(1, "ann", at(1))).await.unwrap();
    assert!(opened.store.after_restore(rings().load_full(), at(1)).await.unwrap().is_none(), "this is no copy");
    opened.store.backup(copy.clone(), at(2)).await.unwrap();
    let opened = open_at(&copy, at(3));
    let back = opened.store.after_restore(rings().load_full(), at(3)).await.unwrap().unwrap();
    assert_eq!((back.copied_at, back.resets), (at(2), 1));
}

#[tokio::test]
async fn a_copy_that_is_not_good_is_not_put_back() {
    let (dir, path) = five_lines().await;
    let place = dir.path().join("resetd.db");
    let put = |copy: &Path| restore(&Ask { copy, database: &place, replace: false, now: at(1) });
    let refused = |copy: &Path| put(copy).unwrap_err().to_string();
    let bad = dir.path().join("bad");
    std::fs::write(&bad, b"this is no database").unwrap();
    assert!(refused(&bad).contains("not a database"), "{}", refused(&bad));
    Connection::open(dir.path().join("other")).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    assert!(refused(&dir.path().join("other")).contains("is no database of resetd's"));
    std::fs::copy(&path, &bad).unwrap();
    Connection::open(&bad).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(refused(&bad).contains("newer than this program"));
    std::fs::copy(&path, &bad).unwrap();
    let dangling = "PRAGMA foreign_keys = OFF; INSERT INTO flag_note (flag_n, at, text) VALUES (77, 1, 'x')";
    Connection::open(&bad).unwrap().execute_batch(dangling).unwrap();
    assert!(refused(&bad).contains("refers to one that is not there"));
    std::fs::copy(&path, &bad).unwrap();
    damage(&bad);
    assert!(!refused(&bad).is_empty());
    assert!(!place.exists() && !place.with_extension("restoring").exists(), "nothing is left of it");
    assert!(put(&path).is_ok());
}

/// Writes rubbish over the middle of the file.
fn damage(path: &Path) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in 1..pages {
        file.write_all_at(&[0xee; 64], page * 4096).unwrap();
    }
}

#[tokio::test]
async fn damage_and_a_newer_schema_are_met_at_the_start() {
    let (_dir, path) = five_lines().await;
    let again = |path: &Path| Store::open(path, 1, rings(), at(0)).err().map(|error| error.to_string()).unwrap_or_default();
    damage(&path);
    assert!(again(&path).contains("resetctl restore --replace"), "{}", again(&path));
    let (_dir, path) = five_lines().await;
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(again(&path).contains("newer than this program's"), "{}", again(&path));
}

#[tokio::test]
async fn an_older_schema_is_copied_and_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let conn = Connection::open(&path).unwrap();
    for text in
        [include_str!("migrations/0001_first.sql"), include_str!("migrations/0002_imap.sql"), include_str!("migrations/0003_attempts.sql")]
    {
        conn.execute_batch(text).unwrap();
    }
    conn.execute_batch(
        "PRAGMA user_version = 3; INSERT INTO event (at, kind, detail) VALUES (1, 'retention.purged', 'null'); \
         INSERT INTO inbound (source, digest, received_at, envelope, raw, state, attempts) VALUES ('pipe', x'01', 1, x'05', x'0506', 'read', 1)",
    )
    .unwrap();
    drop(conn);
    let opened = open(&path);
    opened.store.exported(None, 1, at(1)).await.unwrap();
    let found = opened.store.audit(rings().load_full(), None).await.unwrap();
    assert_eq!((found.troubles.as_slice(), found.first, found.lines), (&[][..], 2, 1), "the chain begins behind what was there");
    assert_eq!(opened.store.key_needs(5, at(1)).await.unwrap().messages, 1);
    let copies: Vec<_> = std::fs::read_dir(dir.path().join("backups")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(copies.len(), 1);
    assert!(copies[0].file_name().unwrap().to_string_lossy().starts_with("before-schema-4-"), "{copies:?}");
    let version: u32 = Connection::open(&copies[0]).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 3);
    close(opened).await;
    close(open(&path)).await;
    assert_eq!(std::fs::read_dir(dir.path().join("backups")).unwrap().count(), 1, "nothing was brought up to date, nothing copied");
}

#[tokio::test]
async fn who_is_erased_is_in_no_octet_of_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let opened = open(&path);
    let store = &opened.store;
    // Many others around, so that pages split and are merged.
    for n in 0..400u32 {
        let mut other = request(1, &format!("other{n}"), at(1));
        other.id = ResetId::new(at(1), [&n.to_be_bytes()[..], &[9; 6]].concat().try_into().unwrap());
        other.selector = Selector::new(at(1), [&n.to_be_bytes()[..], &[9; 6]].concat().try_into().unwrap());
        other.name = None;
        other.ip = None;
        other.user_agent = None;
        store.accept(other).await.unwrap();
        if n % 40 == 7 {
            store.accept(request(u8::try_from(n / 4).unwrap() + 2, "u-annabella", at(1))).await.unwrap();
        }
    }
    let message = SealedMessage {
        source: "pipe",
        digests: vec![[1; 12]],
        envelope: vec![1],
        raw: b"\x01annabella's sealed words".to_vec(),
        received_at: at(1),
    };
    let (n, _) = store.keep(message).await.unwrap();
    let reset = store.by_selector(Selector::new(at(1), [3; 10])).await.unwrap().unwrap();
    let flag = NewFlag {
        reason: "not_me",
        severity: Severity::High,
        text: "this was not annabella".into(),
        sender: Some("Annabella <u-annabella@mail.example>".into()),
        subject: Some("annabella".into()),
        alerts: Vec::new(),
    };
    let conclusion = Conclusion {
        inbound: n,
        at: at(1),
        received_at: at(1),
        flood: None,
        kind: "reply",
        verdict: Some(("not_me", 0.9)),
        proof: "tag",
        reset: Some(reset),
        portal: Some(shop()),
        deny: true,
        flag: Some(flag),
        note: None,
        acknowledge: None,
        delivery: None,
    };
    store.conclude(conclusion).await.unwrap();
    let needles = ["nnabella", "203.0.113.77", "Netscape"];
    let found = || -> Vec<String> {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let holds =
            |path: &PathBuf, needle: &&str| std::fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle.as_bytes());
        files
            .flat_map(|path| {
                needles
                    .iter()
                    .filter(|needle| holds(&path, needle))
                    .map(|needle| format!("{needle} in {}", path.display()))
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    assert!(!found().is_empty(), "or it proves nothing");
    let person = Person { who: "U-ANNABELLA@mail.example".into(), portal: Some(shop()) };
    let gone = store.forget(person.clone(), vec![shop()], rings().load_full(), at(2)).await.unwrap();
    assert_eq!((gone.resets, gone.flags, gone.messages), (10, 1, 1), "{gone:?}");
    store.forgot(gone, None, 0, at(2)).await.unwrap();
    assert_eq!(found(), Vec::<String>::new());
    assert!(store.resets_of(Whose::person(person)).await.unwrap().is_empty());
    assert_eq!(store.resets_of(Whose::person(Person { who: "other7".into(), portal: None })).await.unwrap().len(), 1, "nobody else");
    assert_eq!(store.audit(rings().load_full(), None).await.unwrap().troubles, []);
    assert_eq!(store.flags(FlagFilter::default(), Page { after: None, limit: 9 }).await.unwrap().items[0].text, "");
}
