# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""Headless Chromium on a page of its own, over the pipe of its DevTools."""
import base64
import itertools
import json
import os
import subprocess

from . import place, processes


class Browser:
    """One page.  Chromium asks for nothing outside: its own services are off,
    and no name resolves."""

    def __init__(self, folder):
        self.requests, self.messages = [], []
        self.numbers = itertools.count(1)
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        self.buffer = b""
        with open(folder / "chromium.log", "ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", 'exec "$0" "$@" '
                 f"3<&{commands} 4>&{answers}", processes.find("chromium"),
                 "--headless", "--no-sandbox", "--disable-gpu",
                 "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking", "--disable-sync",
                 "--disable-component-update", "--hide-scrollbars",
                 "--host-resolver-rules=MAP * ~NOTFOUND",
                 f"--user-data-dir={folder / 'chromium'}",
                 "--remote-debugging-pipe", "about:blank"],
                pass_fds=(commands, answers), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": str(folder)})
        os.close(commands)
        os.close(answers)
        self.session = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"]
                      if t["type"] == "page")
        self.session = self.call("Target.attachToTarget",
                                 targetId=target["targetId"],
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(domain + ".enable")

    def receive(self):
        while b"\0" not in self.buffer:
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise RuntimeError("chromium has ended")
            self.buffer += more
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.take(answer)

    def take(self, event):
        """An event: requests, and what the console says, are kept."""
        parameters = event.get("params", {})
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event["method"] == "Log.entryAdded":
            self.messages.append(parameters["entry"]["text"])
        elif event["method"] == "Runtime.exceptionThrown":
            self.messages.append(str(parameters["exceptionDetails"]))
        elif event["method"] == "Page.javascriptDialogOpening":
            self.messages.append("dialog: " + parameters["message"])
            raise RuntimeError("a script of the page opened a dialog")
        return event["method"]

    def open(self, url, width=1280, height=900, dark=False, scripts=True):
        """Loads the page; returns when it is whole."""
        self.requests, self.messages = [], []
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=url)
        while self.take(self.receive()) != "Page.loadEventFired":
            pass

    def value(self, expression):
        """What an expression is in the page."""
        done = self.call("Runtime.evaluate", expression=expression,
                         awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"]))
        return done["result"].get("value")

    def wait(self, expression):
        """Whether an expression becomes true."""
        return place.wait_for(lambda: self.value(expression))

    def choose(self, selector, path):
        """Gives a file to an input, as its dialog would."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root,
                         selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def drop(self, selector, path):
        """Drags a file over an element and drops it there."""
        box = self.value(
            f"(() => {{ const e = document.querySelector('{selector}');"
            "e.scrollIntoView(); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()")
        for event in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=event, x=box[0],
                      y=box[1], data={"items": [], "files": [str(path)],
                                      "dragOperationsMask": 1})

    def picture(self, path):
        """A PNG of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"],
                               "height": size["height"], "scale": 1})["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        self.session = None
        try:
            self.call("Browser.close")
        except (RuntimeError, OSError):
            pass
        processes.end(self.process)
        os.close(self.commands)
        os.close(self.answers)
