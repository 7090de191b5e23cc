//! The chain of the timeline's lines, as the writer goes on with it and as it is looked through. What a link is, `core::secret`
//! decides; here are the rows.

use std::sync::Arc;

use arc_swap::ArcSwap;
use data_encoding::HEXLOWER;
use resetd_core::ids::PortalName;
use resetd_core::secret::{Digest, Entry, KeyRing, Link};
use resetd_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::row::{Doing, Sql};
use super::{Audit, AuditTrouble, Head, Store, StoreError};

const HEAD: &str = "head";
const FLOOR: &str = "floor";

/// What stands in place of a detail that was erased, before the word of who had the key: else whoever can write could erase too.
const ERASED: &str = "~";

/// What goes on from here fits nothing: the end of the chain was not vouched for, and that shall show for as long as the chain.
const NOWHERE: Link = Link([0xff; 16]);

/// Troubles that are named; more are counted.
const NAMED: usize = 50;

/// Where the writer stands: it alone appends.
pub(super) struct Chain {
    rings: Arc<ArcSwap<KeyRing>>,
    committed: Tip,
    tip: Tip,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Tip {
    /// The last line that was hung on.
    last: i64,
    link: Link,
    /// The number of the next line: a restored database goes on far above its last.
    next: i64,
}

impl Chain {
    /// Goes on where the rows end. `fresh`: the chain's tables were made just now, and it begins behind what is there. Otherwise a head
    /// that is missing or does not fit is not mended: the break stays to be found.
    pub(super) fn open(conn: &Connection, rings: Arc<ArcSwap<KeyRing>>, fresh: bool) -> Result<Self, StoreError> {
        let ring = rings.load_full();
        let used: Option<i64> = conn
            .query_row("SELECT max(seq) FROM sqlite_sequence WHERE name = 'event'", [], |row| row.get(0))
            .doing("reading the last line's number")?;
        let last: Option<i64> = conn.query_row("SELECT max(id) FROM event", [], |row| row.get(0)).doing("reading the last line")?;
        let used = used.unwrap_or(0).max(last.unwrap_or(0));
        let head = end(conn, HEAD)?.filter(|head| ring.is_vouched(HEAD, head.id, head.link, &head.seal));
        let (last, link) = match head {
            _ if fresh => (used, Link::START),
            Some(head) => (head.id, head.link),
            None => (used, NOWHERE),
        };
        let next = used.max(last) + 1;
        let tip = Tip { last, link, next };
        if fresh {
            for name in [FLOOR, HEAD] {
                set_end(conn, &ring, name, last, link)?;
            }
        }
        Ok(Self { rings, committed: tip, tip })
    }

    /// Hangs a line on: gives its number, its digest and its link.
    pub(super) fn append(
        &mut self,
        at: Timestamp,
        kind: &str,
        reset: Option<i64>,
        portal: Option<&PortalName>,
        detail: &str,
    ) -> (i64, Digest, Link) {
        let ring = self.rings.load();
        let id = self.tip.next;
        let digest = ring.digest(detail);
        let entry = Entry { id, at: at.as_millis(), kind, reset, portal: portal.map(PortalName::as_str) };
        let link = ring.link(self.tip.link, &entry, &digest);
        self.tip = Tip { last: id, link, next: id + 1 };
        (id, digest, link)
    }

    /// Writes where it ends now, within the transaction that made it longer.
    pub(super) fn seal(&self, conn: &Connection) -> Result<(), StoreError> {
        if self.tip == self.committed {
            return Ok(());
        }
        set_end(conn, &self.rings.load(), HEAD, self.tip.last, self.tip.link)
    }

    pub(super) fn commit(&mut self) {
        self.committed = self.tip;
    }

    pub(super) fn rollback(&mut self) {
        self.tip = self.committed;
    }

    /// Puts the word that it was erased in place of a line's detail; the line stays checkable.
    pub(super) fn erase(&self, conn: &Connection, id: i64, link: Link) -> Result<(), StoreError> {
        let mut update = conn.prepare_cached("UPDATE event SET detail = ?2 WHERE id = ?1").doing("preparing to erase a line's detail")?;
        let word = format!("{ERASED}{}", HEXLOWER.encode(&self.rings.load().vouch(ERASED, id, link)));
        update.execute(params![id, word]).doing("erasing a line's detail").map(|_| ())
    }

    /// The chain's beginning moves behind this line, which is deleted with all before it.
    pub(super) fn cut(&self, conn: &Connection, id: i64, link: Link) -> Result<(), StoreError> {
        set_end(conn, &self.rings.load(), FLOOR, id, link)
    }
}

impl Store {
    /// The last line that is on disk.
    pub async fn head(&self) -> Result<Option<Head>, StoreError> {
        self.readers.read(head).await
    }

    /// Looks through the whole chain, and whether `earlier`, a head that was printed once, is in it. Reads one state of the database on
    /// a connection of its own, however long it takes.
    pub async fn audit(&self, ring: Arc<KeyRing>, earlier: Option<Head>) -> Result<Audit, StoreError> {
        let path = self.path.clone();
        let look = move || {
            let conn = super::readers::open(&path).doing("opening the database")?;
            conn.execute_batch("BEGIN").doing("beginning to look through the chain")?;
            audit(&conn, &ring, earlier)
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| StoreError::Closed)?
    }
}

/// The chain's end as it stands in `conn`.
pub(super) fn head(conn: &Connection) -> Result<Option<Head>, StoreError> {
    Ok(end(conn, HEAD)?.map(|end| Head { id: end.id, link: end.link }))
}

struct End {
    id: i64,
    link: Link,
    seal: Vec<u8>,
}

fn end(conn: &Connection, name: &str) -> Result<Option<End>, StoreError> {
    let mut select = conn.prepare_cached("SELECT id, link, seal FROM chain WHERE name = ?1").doing("preparing to read the chain's end")?;
    let read = |row: &Row<'_>| Ok(End { id: row.get(0)?, link: Link(row.get(1)?), seal: row.get(2)? });
    select.query_row([name], read).optional().doing("reading the chain's end")
}

fn set_end(conn: &Connection, ring: &KeyRing, name: &str, id: i64, link: Link) -> Result<(), StoreError> {
    let mut insert = conn
        .prepare_cached(
            "INSERT INTO chain (name, id, link, seal) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (name) DO UPDATE SET id = excluded.id, link = excluded.link, seal = excluded.seal",
        )
        .doing("preparing to write the chain's end")?;
    let seal = ring.vouch(name, id, link);
    insert.execute(params![name, id, link.0.as_slice(), seal.as_slice()]).doing("writing the chain's end").map(|_| ())
}

/// Looks through what `conn` shows.
pub(super) fn audit(conn: &Connection, ring: &KeyRing, earlier: Option<Head>) -> Result<Audit, StoreError> {
    let mut found = Audit { head: None, first: 0, lines: 0, erased: 0, troubles: Vec::new(), more: 0 };
    let (floor, head) = (end(conn, FLOOR)?, end(conn, HEAD)?);
    for (name, end) in [(FLOOR, &floor), (HEAD, &head)] {
        let good = end.as_ref().is_some_and(|end| ring.is_vouched(name, end.id, end.link, &end.seal));
        if !good {
            found.trouble(end.as_ref().map_or(0, |end| end.id), if name == FLOOR { AuditTrouble::Floor } else { AuditTrouble::Head });
        }
    }
    let (mut last, mut link) = floor.as_ref().map_or((0, Link::START), |floor| (floor.id, floor.link));
    found.first = last + 1;
    let mut earlier_seen = earlier.is_some_and(|earlier| earlier.id == last && earlier.link == link);
    let mut select = conn
        .prepare("SELECT id, at, kind, reset_n, portal, detail, digest, link FROM event WHERE id > ?1 ORDER BY id")
        .doing("preparing to look through the chain")?;
    let mut rows = select.query([last]).doing("looking through the chain")?;
    while let Some(row) = rows.next().doing("looking through the chain")? {
        let line = Line::read(row).doing("reading a line of the chain")?;
        found.lines += 1;
        found.erased += u64::from(line.detail.starts_with(ERASED));
        let given = match line.fits(ring, link) {
            Ok(given) => given,
            Err(trouble) => {
                // A gap in the numbers and a break at its end: lines were taken out. A restored database has gaps without a break.
                let missing = trouble == AuditTrouble::Altered && line.id > last + 1;
                found.trouble(line.id, if missing { AuditTrouble::Missing } else { trouble });
                line.link.unwrap_or(link)
            }
        };
        earlier_seen |= earlier.is_some_and(|earlier| earlier.id == line.id && earlier.link == given);
        (last, link) = (line.id, given);
    }
    if let Some(head) = &head {
        found.head = Some(Head { id: head.id, link: head.link });
        if (head.id, head.link) != (last, link) {
            found.trouble(last, AuditTrouble::Truncated);
        }
    }
    if let Some(earlier) = earlier
        && !earlier_seen
    {
        let older = floor.is_some_and(|floor| earlier.id < floor.id);
        found.trouble(earlier.id, if older { AuditTrouble::EarlierPurged } else { AuditTrouble::EarlierMissing });
    }
    Ok(found)
}

/// A line as the chain sees it.
struct Line {
    id: i64,
    at: i64,
    kind: String,
    reset: Option<i64>,
    portal: Option<String>,
    detail: String,
    digest: Option<Digest>,
    link: Option<Link>,
}

impl Line {
    fn read(row: &Row<'_>) -> Sql<Self> {
        // A digest or a link of another length is an altered line, and no reason to end.
        let sixteen = |index| -> Sql<Option<[u8; 16]>> {
            Ok(row.get::<_, Option<Vec<u8>>>(index)?.and_then(|bytes| <[u8; 16]>::try_from(bytes.as_slice()).ok()))
        };
        Ok(Self {
            id: row.get(0)?,
            at: row.get(1)?,
            kind: row.get(2)?,
            reset: row.get(3)?,
            portal: row.get(4)?,
            detail: row.get(5)?,
            digest: sixteen(6)?,
            link: sixteen(7)?.map(Link),
        })
    }

    fn fits(&self, ring: &KeyRing, before: Link) -> Result<Link, AuditTrouble> {
        let (Some(digest), Some(link)) = (&self.digest, self.link) else { return Err(AuditTrouble::Altered) };
        let whole = match self.detail.strip_prefix(ERASED) {
            Some(seal) => HEXLOWER.decode(seal.as_bytes()).is_ok_and(|seal| ring.is_vouched(ERASED, self.id, link, &seal)),
            None => ring.is_digest(&self.detail, digest),
        };
        if !whole {
            return Err(AuditTrouble::Altered);
        }
        let entry = Entry { id: self.id, at: self.at, kind: &self.kind, reset: self.reset, portal: self.portal.as_deref() };
        if ring.is_link(before, &entry, digest, link) { Ok(link) } else { Err(AuditTrouble::Altered) }
    }
}

impl Audit {
    fn trouble(&mut self, line: i64, what: AuditTrouble) {
        if self.troubles.len() < NAMED {
            self.troubles.push((line, what));
        } else {
            self.more += 1;
        }
    }
}
