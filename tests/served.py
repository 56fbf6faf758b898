"""Starts a server as a user would and watches it from outside.

`Served.jeton(...)` runs `jeton serve --port 0` in a folder of its own, reads the address that it
prints, and gives requests, metrics and memory. Nothing here knows how the server is made.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
JETON = pathlib.Path(os.environ.get("JETON", TARGET / "release" / "jeton"))
LOAD = pathlib.Path(os.environ.get("SERVING_LOAD", TARGET / "release" / "serving-load"))
START_SECONDS = 120


class Answer:
    """Status, headers (names in small letters) and body of one response."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"Answer({self.status}, {self.body[:300]!r})"


class Served:
    """A server process and its address."""

    def __init__(self, command, url=None, ready="/ready", env=None, seconds=START_SECONDS,
                 has_own_home=False):
        self.folder = tempfile.TemporaryDirectory(prefix="served-")
        self.log_path = pathlib.Path(self.folder.name) / "log"
        self.command = [str(part) for part in command]
        own = self.folder.name if has_own_home else None
        home = {"HOME": own, "XDG_DATA_HOME": own, "XDG_CONFIG_HOME": own} if own else {}
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(
            self.command,
            stdout=subprocess.PIPE if url is None else self.log,
            stderr=self.log,
            cwd=self.folder.name,
            env={**os.environ, **home, **(env or {})},
        )
        try:
            self.url = url or self._printed_url(seconds)
            self._wait_until(ready, seconds)
        except BaseException:
            self.kill()
            raise

    @classmethod
    def jeton(cls, *flags, env=None):
        """`jeton serve` on a free port of this machine, its ledger in the folder that goes away."""
        return cls([JETON, "serve", "--port", "0", *flags], env=env, has_own_home=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.process.stdout and self.process.stdout.close()
        self.log.close()
        self.folder.cleanup()

    def _printed_url(self, seconds):
        found = threading.Event()
        urls = []

        def read():
            for line in self.process.stdout:
                self.log.write(line)
                self.log.flush()
                match = re.search(rb"https?://[^\s/\"']+", line)
                if match and not urls:
                    urls.append(match.group(0).decode())
                    found.set()
            found.set()

        threading.Thread(target=read, daemon=True).start()
        found.wait(seconds)
        if not urls:
            raise RuntimeError(f"{self.command} printed no address:\n{self.tail()}")
        return urls[0]

    def _wait_until(self, ready, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command} ended:\n{self.tail()}")
            with contextlib.suppress(OSError):
                if self.get(ready).status == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{self.command} was not ready:\n{self.tail()}")

    def tail(self, size=4000):
        """The end of what the server said."""
        self.log.flush()
        return self.log_path.read_bytes()[-size:].decode(errors="replace")

    # Requests -----------------------------------------------------------------------------------

    def get(self, path, headers=None, timeout=60):
        return self._ask(urllib.request.Request(self.url + path, headers=headers or {}), timeout)

    def post(self, path, body, headers=None, timeout=300):
        """Posts an object as JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json", **(headers or {})}
        return self._ask(urllib.request.Request(self.url + path, data, headers), timeout)

    @staticmethod
    def _ask(request, timeout):
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, response.getheaders(), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers.items(), error.read())

    # What can be seen from outside --------------------------------------------------------------

    def metrics(self):
        """The samples of /metrics as {name with labels: value}."""
        samples = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def metric(self, name):
        """The sum of a metric over its labels; none where it is not there."""
        samples = self.metrics()
        values = [v for key, v in samples.items() if key == name or key.startswith(name + "{")]
        return sum(values) if values else None

    def rss_bytes(self):
        """Resident memory of the process without what it maps from files (Linux)."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024

    # Ends ---------------------------------------------------------------------------------------

    def signal(self, which):
        self.process.send_signal(which)

    def stop(self, seconds=60):
        """Asks it to end; gives its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds=60):
        """Waits for its end, which was asked for before; gives its exit code. A second signal would
        have it leave everything as it is."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        """Ends it at once, as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def free_port():
    """A port that nobody listened on a moment ago."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def load(url, *flags, check=True, timeout=None):
    """Runs the load tool; gives its JSON. With `check`, a stream that was not whole raises."""
    command = [str(part) for part in [LOAD, "--url", url, "--json", *flags]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode == 2 or not done.stdout.strip():
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    report = json.loads(done.stdout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{json.dumps(report, indent=1)}")
    return report
