"""A headless Chromium, for the tests of pages."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


class Browser:
    """Driven by the WebDriver protocol over plain HTTP."""

    def __init__(self, base, *options, patience=60):
        self.base, self.patience = base, patience
        args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *options]
        wanted = {
            "goog:chromeOptions": {"args": args, "binary": CHROMIUM},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        answer = self.post("/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{answer['sessionId']}"

    def post(self, where, body, method="POST"):
        data = None if method == "GET" else json.dumps(body).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.base + where, data, head, method=method)
        with urllib.request.urlopen(request, timeout=self.patience) as answer:
            return json.load(answer)["value"]

    def open(self, address, width=1200):
        self.post("/window/rect", {"width": width, "height": 900})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.chrome("Emulation.setDeviceMetricsOverride", metrics)
        self.post("/url", {"url": address})

    def chrome(self, command, params):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": params})

    def run(self, script, *args):
        return self.post("/execute/sync", {"script": script, "args": args})

    def wait(self, script, *args):
        """The value that a promise ends with."""
        script = f"const done = arguments[arguments.length - 1]; {script}"
        return self.post("/execute/async", {"script": script, "args": args})

    def log(self, kind):
        return self.post("/se/log", {"type": kind})

    def picture(self):
        """The page as it is seen, as the bytes of a PNG."""
        return base64.b64decode(self.post("/screenshot", {}, "GET"))


@contextlib.contextmanager
def started(*options, patience=60):
    """A browser for as long as this lasts; the test is skipped where there is none."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver on this machine")
    driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, encoding="utf-8")
    assert driver.stdout
    try:
        for line in driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                break
        here = Browser(f"http://127.0.0.1:{found[1]}", *options, patience=patience)
        yield here
        with contextlib.suppress(urllib.error.URLError):
            here.post("", {}, "DELETE")
            time.sleep(0.1)
    finally:
        driver.terminate()
        driver.wait(10)
        driver.stdout.close()
