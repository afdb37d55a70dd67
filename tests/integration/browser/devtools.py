# SPDX-License-Identifier: Apache-2.0
"""Chromium without a screen, driven by the DevTools protocol over a pipe: NUL-terminated JSON on descriptors 3 and 4.
Standard library only; no port is opened."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chromium-headless-shell")
DEADLINE_S = 30

# Before any script of the page: what its policy stops is told to nobody else.
WATCH = """window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));"""


def find_chromium():
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory(prefix="kw-browser-", ignore_cleanup_errors=True)
        to_browser, self.out = os.pipe()
        self.inn, from_browser = os.pipe()
        arguments = [program, "--headless=new", "--remote-debugging-pipe", "--user-data-dir=" + self.profile.name,
                     "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--hide-scrollbars", "about:blank"]
        if os.geteuid() == 0:
            arguments.insert(1, "--no-sandbox")
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}', *arguments],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.profile.name})
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.last_id = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        try:
            self.send("Browser.close")
        except (OSError, RuntimeError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.profile.cleanup()

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.inn], [], [], left)[0]:
                raise RuntimeError("the browser does not answer")
            part = os.read(self.inn, 1 << 16)
            if not part:
                raise RuntimeError("the browser ended")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, parameters=None, session=None):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + DEADLINE_S
        while True:
            answer = self.receive(deadline)
            if answer.get("id") != self.last_id:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(method + ": " + answer["error"]["message"])
            else:
                return answer["result"]

    def page(self, address, width=1280, height=900, dark=False):
        return Page(self, address, width, height, dark)


class Page:
    def __init__(self, browser, address, width, height, dark):
        self.browser = browser
        target = browser.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = browser.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(domain + ".enable")
        self.send("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.shape(width, height, dark)
        self.send("Page.navigate", {"url": address})
        self.wait("document.readyState === 'complete' && typeof kw === 'object'")
        self.settle()

    def send(self, method, parameters=None):
        return self.browser.send(method, parameters, self.session)

    def shape(self, width, height, dark):
        self.send("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.send("Emulation.setEmulatedMedia",
                  {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def get(self, expression):
        answer = self.send("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(expression + ": " + details.get("exception", details).get("description", str(details)))
        return answer["result"].get("value")

    def wait(self, expression):
        deadline = time.monotonic() + DEADLINE_S
        while not self.get(expression):
            if time.monotonic() > deadline:
                raise RuntimeError("never came true: " + expression + "\n" + str(self.get("document.body.innerText.slice(0, 600)")))
            time.sleep(0.03)

    def settle(self):
        self.wait("document.getElementById('main').getAttribute('aria-busy') === 'false' && "
                  "document.getElementById('main').dataset.address === location.hash")

    def key(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code})
        if key == "Enter":  # what a key press gives beside the raw key
            self.send("Input.dispatchKeyEvent", {"type": "char", "key": key, "text": "\r"})

    def click(self, selector):
        """As a mouse does: at the middle of the element."""
        box = self.get(f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;
            e.scrollIntoView({{ block: 'center' }}); const r = e.getClientRects()[0];
            return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")
        if box is None:
            raise RuntimeError("nothing to click: " + selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent",
                      {"type": kind, "x": box[0], "y": box[1], "button": "left", "clickCount": 1})

    def choose(self, selector, value):
        self.get(f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus(); e.value = {json.dumps(value)};
            e.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()""")

    def shot(self, file, whole=True):
        height = self.get("document.documentElement.scrollHeight") if whole else 900
        width = self.get("window.innerWidth")
        self.send("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": min(height, 12000), "deviceScaleFactor": 1, "mobile": False})
        time.sleep(0.3)  # a picture for people: charts take the new size a frame later
        data = self.send("Page.captureScreenshot", {"format": "png"})["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))
        self.send("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})

    def complaints(self):
        """Errors of the console, exceptions that nobody caught, what the policy stopped."""
        found = ["policy: " + text for text in self.get("window.violations")]
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            body = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                details = body["exceptionDetails"]
                found.append("exception: " + details.get("exception", details).get("description", details["text"]))
            if event["method"] == "Log.entryAdded" and body["entry"]["level"] in ("error", "warning"):
                found.append("log: " + body["entry"]["text"] + " " + body["entry"].get("url", ""))
            if event["method"] == "Runtime.consoleAPICalled" and body["type"] in ("error", "warning", "assert"):
                found.append("console: " + str([each.get("value") for each in body["args"]]))
        return found

    def requests(self):
        """Addresses that the page asked for, its own left out."""
        return [event["params"]["request"]["url"] for event in self.browser.events
                if event.get("sessionId") == self.session and event["method"] == "Network.requestWillBeSent"]
