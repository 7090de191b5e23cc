-- How far each IMAP folder was read. A UID counts only with the UIDVALIDITY beside it.

CREATE TABLE imap_folder (
    n           INTEGER PRIMARY KEY,
    host        TEXT NOT NULL,
    user        TEXT NOT NULL,
    folder      TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    last_uid    INTEGER NOT NULL,             -- every message up to here is kept, or stands in imap_owed
    old_until   INTEGER NOT NULL,             -- what lay there when it was first met, or renumbered: up to here
    since       INTEGER NOT NULL,             -- of that, what is older is left alone
    UNIQUE (host, user, folder)
) STRICT;

-- Claimed and not yet done with: counted before it is tried.
CREATE TABLE imap_owed (
    folder_n INTEGER NOT NULL REFERENCES imap_folder (n) ON DELETE CASCADE,
    uid      INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,
    PRIMARY KEY (folder_n, uid)
) STRICT, WITHOUT ROWID;
