#!/usr/bin/env python3
"""What a person finds in the mailbox: mail.py FILE FIELD [ID]. FIELD: count, reply_to, token, from, message_id; of the last mail,
or of the last whose reset ID is in its Message-ID or headers."""
import email, email.policy, mailbox, re, sys

messages = [email.message_from_bytes(m.as_bytes(), policy=email.policy.default) for m in mailbox.mbox(sys.argv[1])]
field = sys.argv[2]
if field == "count":
    print(len(messages))
    sys.exit(0)
if not messages:
    sys.exit(1)
last = messages[-1]
text = last.get_body(("plain", "html")).get_content()
if field == "token":
    print(re.search(r"https://[^\s\"<>]*?t=([A-Za-z0-9_-]+)", text)[1])
elif field == "text":
    print(text)
else:
    print(last[field.replace("_", "-")])
