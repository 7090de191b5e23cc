-- The chain that the timeline's lines hang on (core::secret::chain). Lines of before have no link: the chain begins behind them.
ALTER TABLE event ADD COLUMN digest BLOB;     -- keyed digest of the detail, which may be erased: then it is ''
ALTER TABLE event ADD COLUMN link BLOB;

-- Its two ends, each vouched for with the key: `floor`, the last line that was purged, and `head`, the last of all.
CREATE TABLE chain (
    name TEXT PRIMARY KEY NOT NULL,
    id   INTEGER NOT NULL,
    link BLOB NOT NULL,
    seal BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Which root key a message needs to be opened. The index says of each kept message what is asked without its bytes.
ALTER TABLE inbound ADD COLUMN sealed_with BLOB;
UPDATE inbound SET sealed_with = substr(raw, 1, 1) WHERE raw IS NOT NULL;
CREATE INDEX inbound_key ON inbound (sealed_with, state, reset_n) WHERE raw IS NOT NULL;

-- Who was erased, as a keyed hash: so that a backup of before, put back, is erased again.
CREATE TABLE forgotten (
    who BLOB NOT NULL,
    at  INTEGER NOT NULL,
    PRIMARY KEY (who)
) STRICT, WITHOUT ROWID;

-- Whose words stand in a flag.
CREATE INDEX flag_account ON flag (account) WHERE account IS NOT NULL;
CREATE INDEX flag_sender ON flag (n) WHERE sender IS NOT NULL;
