-- What each failed attempt met: the one that succeeded stands in the timeline.

CREATE TABLE attempt (
    mail_n INTEGER NOT NULL REFERENCES mail (n) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    detail TEXT NOT NULL,                     -- a JSON object, as in the timeline
    PRIMARY KEY (mail_n, number)
) STRICT, WITHOUT ROWID;

-- Addresses that get no mail of a portal after a hard bounce; `*`: of no portal.
CREATE TABLE hold (
    n      INTEGER PRIMARY KEY,
    email  TEXT NOT NULL,
    portal TEXT NOT NULL,
    why    TEXT NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER NOT NULL,
    UNIQUE (email, portal)
) STRICT;
CREATE INDEX hold_until ON hold (until);
INSERT INTO hold (email, portal, why, since, until) SELECT email, '*', why, until, until FROM suppression;
DROP TABLE suppression;
