-- Times are milliseconds since 1970, UTC. No live secret stands here: a selector opens nothing without the root key,
-- and inbound messages are sealed.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reset (
    n            INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    selector     BLOB NOT NULL UNIQUE CHECK (length(selector) = 16),
    key_id       INTEGER NOT NULL,
    portal       TEXT NOT NULL,
    account      TEXT,
    email        TEXT,
    name         TEXT,
    locale       TEXT NOT NULL,
    method       TEXT NOT NULL,
    wording      TEXT NOT NULL,
    ip           TEXT,
    user_agent   TEXT,
    valid_since  INTEGER,
    state        TEXT NOT NULL,
    mailed       INTEGER NOT NULL,            -- 1: counts against the limits
    created_at   INTEGER NOT NULL,
    sent_at      INTEGER,
    until        INTEGER NOT NULL,            -- end of its last secret
    code_until   INTEGER NOT NULL,            -- end of its code
    inspected_at INTEGER,
    completed_at INTEGER
) STRICT;
CREATE INDEX reset_open ON reset (portal, account) WHERE state IN ('accepted', 'sent');
CREATE INDEX reset_open_email ON reset (email) WHERE state IN ('accepted', 'sent');
CREATE INDEX reset_until ON reset (until) WHERE state IN ('accepted', 'sent');
CREATE INDEX reset_personal ON reset (created_at) WHERE email IS NOT NULL;
CREATE INDEX reset_redeemed ON reset (portal, account) WHERE state = 'redeemed';

CREATE TABLE mail (
    n            INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    reset_n      INTEGER REFERENCES reset (n) ON DELETE CASCADE,
    flag_n       INTEGER REFERENCES flag (n) ON DELETE CASCADE,
    portal       TEXT NOT NULL,
    state        TEXT NOT NULL,               -- queued, done, failed, void (never to be sent)
    attempts     INTEGER NOT NULL,            -- counted before each try
    created_at   INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    useful_until INTEGER NOT NULL,
    last         TEXT,                        -- what the last attempt met
    remote_id    TEXT                         -- the id that the next hop gave in its 250
) STRICT;
CREATE INDEX mail_due ON mail (due_at) WHERE state = 'queued';
CREATE INDEX mail_reset ON mail (reset_n);
CREATE INDEX mail_flag ON mail (flag_n) WHERE flag_n IS NOT NULL;
CREATE INDEX mail_remote ON mail (remote_id) WHERE remote_id IS NOT NULL;
CREATE UNIQUE INDEX mail_once ON mail (reset_n, kind) WHERE kind IN ('acknowledgement', 'notice');

CREATE TABLE event (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    reset_n INTEGER,
    portal  TEXT,
    detail  TEXT NOT NULL
) STRICT;
CREATE INDEX event_reset ON event (reset_n) WHERE reset_n IS NOT NULL;

CREATE TABLE idempotency (
    uid        INTEGER NOT NULL,
    key        TEXT NOT NULL,
    body       BLOB NOT NULL,
    reset_id   BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (uid, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_old ON idempotency (created_at);

CREATE TABLE wrong_code (
    portal  TEXT NOT NULL,
    account TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX wrong_code_account ON wrong_code (portal, account, at);
CREATE INDEX wrong_code_old ON wrong_code (at);

CREATE TABLE login (
    portal      TEXT NOT NULL,
    account     TEXT NOT NULL,
    failures    INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    last_reset  INTEGER,
    PRIMARY KEY (portal, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_old ON login (since);

CREATE TABLE suppression (
    email TEXT PRIMARY KEY NOT NULL,
    why   TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE inbound (
    n           INTEGER PRIMARY KEY,
    source      TEXT NOT NULL,
    digest      BLOB NOT NULL UNIQUE,         -- keyed hash: the same message is kept once
    received_at INTEGER NOT NULL,
    envelope    BLOB NOT NULL,                -- sealed
    raw         BLOB,                         -- sealed; NULL once purged
    state       TEXT NOT NULL,                -- stored, read, failed
    attempts    INTEGER NOT NULL,
    kind        TEXT,
    verdict     TEXT,
    proof       TEXT,
    reset_n     INTEGER REFERENCES reset (n) ON DELETE SET NULL
) STRICT;
CREATE INDEX inbound_unread ON inbound (n) WHERE state = 'stored';
CREATE INDEX inbound_raw ON inbound (received_at) WHERE raw IS NOT NULL;
CREATE INDEX inbound_reset ON inbound (reset_n) WHERE reset_n IS NOT NULL;

CREATE TABLE flag (
    n           INTEGER PRIMARY KEY,
    reset_n     INTEGER REFERENCES reset (n) ON DELETE SET NULL,
    inbound_n   INTEGER REFERENCES inbound (n) ON DELETE SET NULL,
    portal      TEXT,
    account     TEXT,
    severity    TEXT NOT NULL,
    reason      TEXT NOT NULL,
    verdict     TEXT,
    confidence  REAL,
    proof       TEXT NOT NULL,
    text        TEXT NOT NULL,                -- what the person typed, our secrets struck out
    sender      TEXT,
    subject     TEXT,
    created_at  INTEGER NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT,
    outcome     TEXT,
    note        TEXT
) STRICT;
CREATE INDEX flag_open ON flag (n) WHERE resolved_at IS NULL;
CREATE INDEX flag_resolved ON flag (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX flag_reset ON flag (reset_n) WHERE reset_n IS NOT NULL;
CREATE INDEX flag_inbound ON flag (inbound_n) WHERE inbound_n IS NOT NULL;

CREATE TABLE flag_note (
    n      INTEGER PRIMARY KEY,
    flag_n INTEGER NOT NULL REFERENCES flag (n) ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    text   TEXT NOT NULL
) STRICT;
CREATE INDEX flag_note_flag ON flag_note (flag_n);
