"""A client of resetd's socket. Copy this file: it needs nothing but Python 3.9 or newer."""

import json
import secrets
import socket
from http.client import HTTPConnection, HTTPException

# What to tell a person whose link or code is refused, by `reason`. A link is never good again after any of these.
ANSWERS = {
    "unknown": "We do not know this link or code. Copy it from the mail once more, or ask for a new one.",
    "expired": "This link or code has expired. Ask for a new one.",
    "used": "This link or code was used already. If that was not you, ask for a new one.",
    "superseded": "Another mail has taken the place of this one. Use the newest, or ask for a new one.",
    "denied": "Somebody answered this mail that they had not asked for it, so we switched it off. "
    "Ask for a new one, or write to support.",
    "revoked": "This link or code was taken back. Ask for a new one.",
    "locked": "Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link.",
}


class Refused(Exception):
    """The secret is not good: tell the person `answer`, with the HTTP status `status`."""

    def __init__(self, reason, status):
        super().__init__(reason)
        self.reason, self.status = reason, status
        # A later resetd may know more reasons; each of them is a no.
        self.answer = ANSWERS.get(reason, "This link or code is not good any more. Ask for a new one.")


class Unavailable(Exception):
    """resetd can't be reached or can't store: nothing is lost but time, the person tries again."""


class Problem(Exception):
    """The request breaks a rule, or this user may not make it: `detail` tells the developer."""

    def __init__(self, problem):
        super().__init__(problem.get("detail"))
        self.kind, self.status, self.field = problem.get("type"), problem.get("status"), problem.get("field")


class Resetd:
    def __init__(self, portal, path="/run/resetd/resetd.sock", timeout=5):
        self.portal, self.path, self.timeout = portal, path, timeout

    def request(self, account, email, **more):
        """Asks for a reset mail. `account=None`: no account has this address, and the answer is the same. `more`: name,
        locale, method, client={"ip", "user_agent"}, valid_since. Returns the reset's id."""
        # One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        body = {"portal": self.portal, "account": account, "email": email, **more}
        return self._call("POST", "/v1/resets", body, headers, tries=2)["id"]

    def inspect(self, **secret):
        """Is it good? Uses nothing up. `token=…`, or `account=…, code=…`; client={"ip"}. Returns {"reset", "account", "expires_at", …}."""
        return self._call("POST", "/v1/resets/inspect", self._secret(secret), tries=2)

    def redeem(self, **secret):
        """Uses it, once. Set the password of the `account` that this returns, and of no other."""
        # One try: a second could only meet what the first has used.
        return self._call("POST", "/v1/resets/redeem", self._secret(secret))

    def completed(self, reset):
        """The password is changed: the person is told by mail."""
        self._call("POST", f"/v1/resets/{reset}/completed", tries=2)

    def login_failed(self, account, email, **more):
        """Counts; at the portal's threshold a reset mail goes out by itself."""
        return self._call("POST", "/v1/login-failures", {"portal": self.portal, "account": account, "email": email, **more})

    def login_succeeded(self, account, email):
        """Clears the count."""
        self.login_failed(account, email, success=True)

    def _secret(self, secret):
        return secret if "token" in secret else {"portal": self.portal, **secret}

    def _call(self, method, path, body=None, headers=None, tries=1):
        headers = {"Content-Type": "application/json", **(headers or {})}
        try:
            connection = _Connection(self.path, self.timeout)
            try:
                connection.request(method, path, json.dumps(body) if body else None, headers)
                answer = connection.getresponse()
                text = answer.read()
            finally:
                connection.close()
        except (OSError, HTTPException) as error:
            if tries > 1:
                return self._call(method, path, body, headers, tries - 1)
            raise Unavailable(str(error)) from error
        if answer.status < 300:
            return json.loads(text) if text else None
        problem = json.loads(text)
        if problem["type"] == "urn:resetd:problem:refused":
            raise Refused(problem["reason"], answer.status)
        if answer.status >= 500:
            raise Unavailable(problem["detail"])
        raise Problem(problem)


class _Connection(HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("resetd", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
