"""Every message of a folder by Python's strict policy: a defect anywhere is an error, and both parts are text of some length."""

import email
import email.policy
import pathlib
import sys

POLICY = email.policy.SMTP.clone(raise_on_defect=True)
faults = []
files = sorted(pathlib.Path(sys.argv[1], "messages").glob("*.eml"))
for file in files:
    octets = file.read_bytes()
    try:
        message = email.message_from_bytes(octets, policy=POLICY)
        # Headers and bodies are only parsed when they are asked for.
        for part in message.walk():
            for name, value in part.items():
                defects = getattr(value, "defects", ())
                assert not defects, f"{name}: {defects}"
            assert not part.defects, part.defects
        for kind in ("plain", "html"):
            text = message.get_body((kind,)).get_content()
            assert len(text) > 80 and "\ufffd" not in text, f"{kind}: {text[:80]!r}"
        assert message["from"].addresses[0].addr_spec == "no-reply@shop.example"
        assert len(message["to"].addresses) == 1 and message["to"].addresses[0].domain.endswith(".example")
        assert message["date"].datetime is not None
        # 7bit throughout: no relay has to recode what is signed.
        assert octets.isascii() and all(len(line) <= 998 for line in octets.split(b"\r\n"))
    except (AssertionError, LookupError, ValueError, email.errors.MessageError) as error:
        faults.append(f"{file.name}: {type(error).__name__}: {error}")
# A check that can't fail is none.
try:
    email.message_from_bytes(b"Content-Type: multipart/alternative\r\n\r\nno boundary\r\n", policy=POLICY)
    faults.append("a message without a boundary is no defect: the policy is not strict")
except ValueError:
    pass
print(f"Python {sys.version.split()[0]}, {len(files)} mails, {len(faults)} with defects")
sys.exit("\n".join(faults[:40]) if faults else 0)
