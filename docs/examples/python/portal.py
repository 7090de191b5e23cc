#!/usr/bin/env python3
"""A small real portal: sign in, forgot password, set a new one. Python's standard library and resetd, nothing else.

    python3 portal.py --add "Ann Other <ann@example.org>"

Ann's first password is `correct horse battery staple`. Behind a proxy with TLS, say --secure.
"""

import argparse
import sys
import threading
from email.utils import parseaddr
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pages
from resetd import Problem, Refused, Resetd, Unavailable
from store import Store

STYLE = (Path(__file__).parent / "style.css").read_bytes()
LONGEST_FORM = 10_000

# For every page, and above all for the one whose address holds a token: nobody keeps it, no other site learns its address,
# nothing from elsewhere is loaded, nobody frames it.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}


class Portal(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    store: Store
    resetd: Resetd
    secure = False

    # ---- sign in and out

    def get_home(self):
        user = self.user()
        self.show(pages.home(user["name"], user["email"]) if user else pages.sign_in())

    def post_login(self):
        email, password = self.field("email"), self.field("password")
        user = self.store.by_email(email)
        session = self.store.sign_in(user, password)
        if user:
            # Behind the answer: it takes as long for people whom we know as for others, and works when resetd is away.
            tell = self.resetd.login_succeeded if session else self.resetd.login_failed
            threading.Thread(target=quietly, args=(tell, str(user["id"]), user["email"])).start()
        if not session:
            return self.show(pages.sign_in(email, wrong=True), 403)
        self.redirect("/", session)

    def post_logout(self):
        self.store.sign_out(self.session())
        self.redirect("/", "")

    # ---- a forgotten password

    def get_forgot(self):
        self.show(pages.forgot())

    def post_forgot(self):
        email = self.field("email")
        user = self.store.by_email(email)
        try:
            # Everybody's request goes to resetd, which tells nobody apart; neither does the page.
            self.resetd.request(
                str(user["id"]) if user else None,
                user["email"] if user else email,
                client={**self.client(), "user_agent": self.headers.get("User-Agent", "")[:500] or None},
                **({"name": user["name"]} if user else {}),
            )
        except Problem as problem:
            if problem.field != "email":
                raise
            return self.show(pages.forgot(email, wrong=True), 400)
        self.show(pages.sent(email))

    def get_reset(self):
        """The link. Looks, and uses nothing up: mail scanners and previews open links too."""
        token = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
        if not token:
            return self.show(pages.code())
        self.resetd.inspect(token=token, client=self.client())
        self.show(pages.new_password(token))

    def post_reset(self):
        token, code, password = self.field("token"), self.field("code"), self.field("password")
        if len(password) < 12:
            # Before redeem: what is wrong with the password must not cost the link.
            page = pages.new_password(token, short=True) if token else pages.code(self.field("email"), short=True)
            return self.show(page, 400)
        if token:
            good = self.resetd.redeem(token=token, client=self.client())
        else:
            user = self.store.by_email(self.field("email"))
            # For an address without an account the address itself: it is refused and locked as any other is.
            account = str(user["id"]) if user else self.field("email")
            good = self.resetd.redeem(account=account, code=code, client=self.client())
        # The account is resetd's word, never the browser's.
        self.store.set_password(int(good["account"]), password)
        quietly(self.resetd.completed, good["reset"])
        # No new session: whoever holds the mail has to know the new password too.
        self.show(pages.changed())

    # ---- the plumbing

    def do_GET(self):
        if self.path == "/style.css":
            return self.send(200, STYLE, {"Content-Type": "text/css", "Cache-Control": "max-age=3600"})
        self.route("get")

    def do_POST(self):
        # A form of another site's. Origin says "null" here, since we send no referrer; Sec-Fetch-Site tells.
        if self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return self.show(pages.message("That did not come from our site."), 403)
        length = int(self.headers.get("Content-Length") or 0)
        if length > LONGEST_FORM:
            self.close_connection = True
            return self.show(pages.message("That is too long."), 413)
        self.form = parse_qs(self.rfile.read(length).decode(errors="replace"))
        self.route("post")

    def route(self, method):
        name = urlsplit(self.path).path.strip("/") or "home"
        name = "home" if (method, name) == ("get", "login") else name
        handler = getattr(self, f"{method}_{name}", None)
        if not handler:
            return self.show(pages.message("There is no such page."), 404)
        try:
            handler()
        except Refused as refused:
            self.show(pages.refused(refused.reason, refused.answer), refused.status)
        except Unavailable as error:
            print("resetd:", error, file=sys.stderr)
            self.show(pages.message("We can not do this right now. Please try again in a moment."), 503)

    def field(self, name):
        return self.form.get(name, [""])[0].strip()

    def client(self):
        # Guesses are counted by it. Behind a proxy it is the proxy: take the address from where that puts it.
        return {"ip": self.client_address[0]}

    def session(self):
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return ""
        return cookies["session"].value if "session" in cookies else ""

    def user(self):
        return self.store.signed_in(self.session())

    def redirect(self, to, session):
        age = "" if session else "; Max-Age=0"
        secure = "; Secure" if self.secure else ""
        cookie = f"session={session}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"
        self.send(303, b"", {"Location": to, "Set-Cookie": cookie})

    def show(self, page, status=200):
        self.send(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def send(self, status, body, headers):
        self.send_response(status)
        for name, value in {**HEADERS, **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        # The path alone: a token stands in the query, and a log is no place for it.
        print(self.command, urlsplit(self.path).path, int(code), file=sys.stderr)


def quietly(call, *arguments):
    """For what the person need not wait for or hear of."""
    try:
        call(*arguments)
    except (Problem, Unavailable) as error:
        print("resetd:", error, file=sys.stderr)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--socket", default="/run/resetd/resetd.sock", help="resetd's socket")
    options.add_argument("--portal", default="shop", help="our name in resetd's configuration")
    options.add_argument("--port", type=int, default=8000)
    options.add_argument("--users", default="users.db", help="the file with our users")
    options.add_argument("--add", metavar="'NAME <ADDRESS>'", help="a user to begin with")
    options.add_argument("--secure", action="store_true", help="people come by https: the session cookie is for https alone")
    chosen = options.parse_args()
    Portal.store, Portal.resetd, Portal.secure = Store(chosen.users), Resetd(chosen.portal, chosen.socket), chosen.secure
    if chosen.add:
        name, email = parseaddr(chosen.add)
        Portal.store.add(email, name, "correct horse battery staple")
    server = ThreadingHTTPServer(("127.0.0.1", chosen.port), Portal)
    print(f"http://127.0.0.1:{chosen.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
