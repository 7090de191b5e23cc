"""A person with Chromium at the Python portal: forgot password, mail, link, new password, signed in; then a mail that is
answered "this wasn't me", and its link.

    walk.py PORTAL-URL FOLDER SOCKET [SHOTS]

FOLDER is docs/examples/resetd.toml's. With SHOTS, pictures of the pages go there, light, dark and as on a phone.
"""

import json
import subprocess
import sys
from pathlib import Path

from browser import Browser

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
ANN, NEW = "ann@mail.example", "seven purple umbrellas"


class Events:
    """The daemon's stream: how we wait."""

    def __init__(self, socket):
        command = ["curl", "-sN", "--unix-socket", socket, "-H", "Accept: text/event-stream", "-H", "Last-Event-ID: 0", "http://resetd/v1/events"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def until(self, name, **detail):
        for line in self.process.stdout:
            if line.startswith("data:"):
                event = json.loads(line[5:])
                if event["event"] == name and detail.items() <= (event["detail"] or {}).items():
                    return event
        sys.exit(f"the stream ended before {name}")


def mail(folder, *arguments):
    command = [sys.executable, EXAMPLES / "mail.py", "--folder", folder, "--to", ANN, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def link(folder):
    return next(line for line in mail(folder, "show").splitlines() if line.startswith("http://127.0.0.1"))


def walk(browser, url, folder, socket, shots):
    events = Events(socket)
    done = 0

    def check(what, good):
        nonlocal done
        done += 1
        print(f"{'ok' if good else 'not ok'} {done} - {what}", flush=True)
        assert good, f"{what}: {browser.text()!r}"

    def on(title, picture):
        check(f"page: {title}", browser.title() == title)
        if shots:
            browser.shot(shots / f"{picture}-light.png")
            browser.shot(shots / f"{picture}-dark.png", dark=True)
            browser.shot(shots / f"{picture}-phone.png", width=390, height=760)

    try:
        browser.open(url)
        on("Sign in", "1-sign-in")
        browser.type("email", ANN)
        browser.type("password", "is it this one?")
        browser.click("Sign in")
        on("Sign in", "2-wrong")
        check("a wrong password is told", "do not go together" in browser.text())
        browser.click("Forgot it?")
        on("Forgot your password?", "3-forgot")
        browser.type("email", ANN)
        browser.click("Send the mail")
        on("Look into your mailbox", "4-sent")
        events.until("mail.sent", kind="reset")
        first = link(folder)
        browser.open(first)
        on("Set a new password", "5-new")
        browser.open(first)
        check("looking again is free", browser.title() == "Set a new password")
        browser.type("password", NEW)
        browser.click("Change password")
        on("Your password is changed", "6-changed")
        events.until("reset.completed")
        browser.click("Sign in")
        check("nobody is signed in by a reset", browser.title() == "Sign in")
        browser.type("email", ANN)
        browser.type("password", NEW)
        browser.click("Sign in")
        on("Hello, Ann Other", "7-home")
        browser.open(first)
        on("This did not work", "8-used")
        check("the link was used", "was used already" in browser.text())
        browser.open(url)
        check("an old link ends no session", browser.title() == "Hello, Ann Other")
        browser.click("Sign out")

        browser.open(f"{url}/reset")
        on("Type the code", "9-code")
        browser.open(f"{url}/forgot")
        browser.type("email", ANN)
        browser.click("Send the mail")
        events.until("mail.sent", kind="reset")
        second = link(folder)
        check("a new mail has a new link", second != first)
        mail(folder, "answer", "This wasn't me!")
        events.until("reset.denied")
        browser.open(second)
        on("This did not work", "10-denied")
        check("the link is refused because of the answer", "had not asked for it" in browser.text())
        browser.click("Ask for a new one")
        check("and the way on is there", browser.title() == "Forgot your password?")

        check("nothing came from elsewhere", all(ask["url"].startswith(url) for ask in browser.asked))
        check("no address went on as a referrer", not any(ask["headers"].get("Referer") for ask in browser.asked))
        check("forms were sent", sum(ask["method"] == "POST" for ask in browser.asked) >= 5)
        print(f"1..{done}")
    finally:
        events.process.kill()


def main():
    url, folder, socket = sys.argv[1:4]
    shots = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    browser = Browser()
    try:
        walk(browser, url, folder, socket, shots)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
