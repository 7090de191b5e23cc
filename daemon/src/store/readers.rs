//! A small pool of read-only connections, used on tokio's blocking threads.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::StoreError;

/// A connection that reads.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA query_only = 1; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000;")?;
    Ok(conn)
}

#[derive(Clone)]
pub(super) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path, count: usize) -> Result<Self, StoreError> {
        let open = || {
            let conn = open(path)?;
            super::schema::stable_plans(&conn)?;
            conn.set_prepared_statement_cache_capacity(64);
            Ok(conn)
        };
        let free = (0..count).map(|_| open()).collect::<Result<Vec<_>, _>>();
        let free = free.map_err(|e| StoreError::sqlite("opening a reader", e))?;
        Ok(Self { free: Arc::new(Mutex::new(free)), places: Arc::new(Semaphore::new(count)) })
    }

    /// Runs `work` on a reader.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let _place = self.places.acquire().await.map_err(|_| StoreError::Closed)?;
        let free = Arc::clone(&self.free);
        let task = tokio::task::spawn_blocking(move || {
            let conn = free.lock().map_err(|_| StoreError::Closed)?.pop().ok_or(StoreError::Closed)?;
            let result = work(&conn);
            free.lock().map_err(|_| StoreError::Closed)?.push(conn);
            result
        });
        task.await.map_err(|_| StoreError::Closed)?
    }
}
