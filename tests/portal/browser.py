"""Drives Chromium over its debugging pipe (Chrome DevTools Protocol): no driver, no package."""

import base64
import fcntl
import json
import os
import subprocess
import tempfile


class Browser:
    def __init__(self, program="chromium"):
        to_them, ours = os.pipe()
        theirs, from_them = os.pipe()  # we read `theirs`, they write `from_them`
        # Out of the way of 3 and 4, where they are wanted.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (to_them, from_them)]
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={self.profile.name}", "--no-first-run", "--disable-background-networking", "about:blank"]
        self.process = subprocess.Popen(
            command, pass_fds=(3, 4), stderr=subprocess.DEVNULL, preexec_fn=lambda: (os.dup2(high[0], 3), os.dup2(high[1], 4))
        )
        for fd in (to_them, from_them, *high):
            os.close(fd)
        self.out, self.input = os.fdopen(ours, "wb", 0), os.fdopen(theirs, "rb")
        self.number, self.session, self.events = 0, None, []
        self.asked = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.profile.cleanup()

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.out.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def read(self):
        octets = bytearray()
        while (octet := self.input.read(1)) != b"\0":
            assert octet, "the browser ended"
            octets += octet
        message = json.loads(octets)
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.append(message["params"]["request"])
        return message

    def loaded(self):
        """Waits for the page that is on its way."""
        while True:
            message = self.events.pop(0) if self.events else self.read()
            if message.get("method") == "Page.loadEventFired":
                return

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.loaded()

    def js(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def type(self, name, text):
        self.js(f"document.querySelector('[name={name}]').focus()")
        self.call("Input.insertText", text=text)

    def click(self, text):
        self.events.clear()
        found = self.js(
            f"(() => {{ const all = [...document.querySelectorAll('a, button')].filter(one => one.textContent.trim() === {json.dumps(text)});"
            "if (all.length) all[0].click(); return all.length })()"
        )
        assert found == 1, f"{found} × {text!r} on {self.text()!r}"
        self.loaded()

    def text(self):
        return self.js("document.body.innerText")

    def title(self):
        return self.js("document.querySelector('h1').innerText")

    def shot(self, path, dark=False, width=1000, height=720):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
