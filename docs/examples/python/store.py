"""The portal's own users and sessions, in one SQLite file. Passwords are hashed with scrypt; sessions are kept as digests."""

import hashlib
import hmac
import secrets
import sqlite3
import time

DAY = 24 * 3600

SCHEMA = """
CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS session (
    digest BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES user (id), until INTEGER NOT NULL);
"""


def hashed(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def digest(token):
    return hashlib.sha256(token.encode()).digest()


class Store:
    def __init__(self, path):
        self.path = path
        with self._open() as db:
            db.executescript(SCHEMA)

    def _open(self):
        db = sqlite3.connect(self.path, timeout=10)
        db.row_factory = sqlite3.Row
        return db

    def add(self, email, name, password):
        salt = secrets.token_bytes(16)
        with self._open() as db:
            db.execute("INSERT OR IGNORE INTO user (email, name, salt, hash) VALUES (?, ?, ?, ?)", (email, name, salt, hashed(password, salt)))

    def by_email(self, email):
        with self._open() as db:
            return db.execute("SELECT * FROM user WHERE email = ?", (email,)).fetchone()

    def sign_in(self, user, password):
        """A new session's token, or None. Takes the same time for a user that does not exist."""
        good = hmac.compare_digest(hashed(password, user["salt"] if user else bytes(16)), user["hash"] if user else bytes(64))
        if not (user and good):
            return None
        token = secrets.token_urlsafe(32)
        with self._open() as db:
            db.execute("INSERT INTO session VALUES (?, ?, ?)", (digest(token), user["id"], int(time.time()) + DAY))
        return token

    def signed_in(self, token):
        with self._open() as db:
            return db.execute(
                "SELECT user.* FROM session JOIN user ON user.id = session.user WHERE digest = ? AND until > ?",
                (digest(token), int(time.time())),
            ).fetchone()

    def sign_out(self, token):
        with self._open() as db:
            db.execute("DELETE FROM session WHERE digest = ?", (digest(token),))

    def set_password(self, id, password):
        """And ends every session of the user: whoever had got in is out."""
        salt = secrets.token_bytes(16)
        with self._open() as db:
            db.execute("UPDATE user SET salt = ?, hash = ? WHERE id = ?", (salt, hashed(password, salt), id))
            db.execute("DELETE FROM session WHERE user = ?", (id,))
