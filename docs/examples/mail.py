#!/usr/bin/env python3
"""A mail program for trying resetd: shows the newest mail that it sent, and answers it.

    mail.py show
    mail.py answer "This wasn't me!"
"""

import argparse
import email.policy
import mailbox
import sys
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path


def newest(outgoing, wanted):
    """The newest mail to people: its Reply-To carries the tag that an answer needs."""
    for path in sorted((outgoing / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        mail = BytesParser(policy=email.policy.default).parsebytes(path.read_bytes())
        if wanted in (None, str(mail["To"].addresses[0].addr_spec)) and "reply+" in str(mail["Reply-To"]):
            return mail
    sys.exit(f"no mail in {outgoing}")


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


def answer(mail, words):
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = str(mail["To"]), str(mail["Reply-To"]), f"Re: {mail['Subject']}"
    reply["Date"], reply["Message-ID"] = str(mail["Date"]), str(mail["Message-ID"]).replace("<", "<answer.", 1)
    reply["In-Reply-To"] = reply["References"] = str(mail["Message-ID"])
    quoted = "".join(f"> {line}\n" for line in text_of(mail).splitlines())
    reply.set_content(f"{words}\n\nOn {mail['Date']}, {mail['From']} wrote:\n\n{quoted}")
    return reply


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["show", "answer"])
    options.add_argument("words", nargs="?", default="This wasn't me!")
    options.add_argument("--to", help="the newest mail to this address")
    options.add_argument("--folder", type=Path, default=Path("/tmp/resetd-try"))
    chosen = options.parse_args()
    mail = newest(chosen.folder / "outgoing", chosen.to)
    if chosen.what == "show":
        print(f"To: {mail['To']}\nSubject: {mail['Subject']}\n\n{text_of(mail)}")
    else:
        mailbox.Maildir(chosen.folder / "answers", create=True).add(answer(mail, chosen.words))
        print(f"answered {mail['Subject']!r}: {chosen.words}")


if __name__ == "__main__":
    main()
