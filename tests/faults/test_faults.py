"""What must hold when things go wrong: kills, stops, new settings under load, crowds."""

import collections
import contextlib
import http.client
import json
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import crowd
from served import JETON, Served, load

KILLS = 5
CLIENTS = 12
STALLED = 6
STALL_ROUNDS = 5


class Clients:
    """Asks without end, streaming and not, and remembers whose final event arrived."""

    def __init__(self, url, count):
        self.host = urllib.parse.urlsplit(url).netloc
        self.delivered, self.cut, self.unclean = [], 0, []
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        draws = random.Random(number)
        while not self.ended.is_set():
            try:
                self.ask(draws, is_stream=draws.random() < 0.7)
            except (OSError, http.client.HTTPException, ValueError):
                with self.lock:
                    self.cut += 1
                time.sleep(0.05)

    def ask(self, draws, is_stream):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        asked = {
            "messages": [{"role": "user", "content": f"Story {draws.random()}"}],
            "max_tokens": draws.randint(1, 40),
            "stream": is_stream,
        }
        body = json.dumps(asked)
        headers = {"content-type": "application/json"}
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            response = connection.getresponse()
            if response.status != 200:
                response.read()
                return
            self.read_stream(response) if is_stream else self.read_whole(response)
        finally:
            connection.close()

    def read_whole(self, response):
        answer = json.loads(response.read())
        with self.lock:
            self.delivered.append(answer["jeton"]["request_id"])

    def read_stream(self, response):
        """The final event of a stream is the chunk that says why it ended."""
        request_id, is_final, is_done, error = None, False, False, None
        while line := response.readline():
            if not line.startswith(b"data: "):
                continue
            if line.strip() == b"data: [DONE]":
                is_done = True
                continue
            chunk = json.loads(line[6:])
            request_id = request_id or chunk.get("jeton", {}).get("request_id")
            error = error or chunk.get("error")
            ended = [choice.get("finish_reason") for choice in chunk.get("choices", [])]
            if any(ended) and not is_final:
                is_final = True
                with self.lock:
                    self.delivered.append(request_id)
        if not is_done:
            with self.lock:
                self.unclean.append((request_id, error or "closed without [DONE]"))

    def wait_for(self, count, seconds=60):
        """Until so many final events have arrived."""
        deadline = time.monotonic() + seconds
        while len(self.delivered) < count and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def stalled_reader(server):
    """Asks for a stream far longer than what the kernel keeps for both sides, and reads only how it
    begins."""
    asked = {
        "messages": [{"role": "user", "content": "Tell me a story."}],
        **{"stream": True, "max_tokens": 900, "ignore_eos": True, "n": 2, "trace": True},
    }
    body = json.dumps(asked).encode()
    address = urllib.parse.urlsplit(server.url)
    reader = socket.socket()
    reader.settimeout(120)
    # What it takes unread must not hide that nobody reads.
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((address.hostname, address.port))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {address.netloc}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    reader.sendall(head.encode() + body)
    beginning = reader.recv(15, socket.MSG_WAITALL)
    if beginning != b"HTTP/1.1 200 OK":
        raise AssertionError(beginning + reader.recv(2000))
    return reader


def rest_of(reader):
    """What had arrived by the time that the connection was closed or reset."""
    rest = bytearray()
    with reader, contextlib.suppress(ConnectionError):
        while piece := reader.recv(1 << 16):
            rest += piece
    return bytes(rest)


class Faults(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="faults-")
        self.addCleanup(self.folder.cleanup)
        self.config = pathlib.Path(self.folder.name) / "jeton.yaml"
        self.write_config()

    def write_config(self, more=""):
        self.ledger = pathlib.Path(self.folder.name) / "ledger.db"
        self.config.write_text(f"ledger:\n  path: {self.ledger}\n{more}")

    def serve(self):
        return Served.jeton("--config", self.config)

    def accounts(self):
        """Request ids in the ledger, as its own export tells them."""
        command = [JETON, "usage", "export", "--jsonl", "--ledger", self.ledger]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line)["request_id"] for line in done.stdout.splitlines()]

    def test_what_was_delivered_is_in_the_ledger_once_whenever_it_is_killed(self):
        delivered = []
        draws = random.Random(7)
        for _ in range(KILLS):
            with self.serve() as server:
                clients = Clients(server.url, CLIENTS)
                clients.wait_for(5)
                time.sleep(draws.random())
                server.kill()
                clients.stop()
                delivered += clients.delivered
        counts = collections.Counter(self.accounts())
        self.assertGreaterEqual(len(delivered), 5 * KILLS)
        self.assertEqual(len(set(delivered)), len(delivered))
        missing = [one for one in delivered if counts[one] == 0]
        self.assertEqual(missing, [], f"{len(missing)} of {len(delivered)} not in the ledger")
        self.assertEqual([one for one, count in counts.items() if count > 1], [])

    def test_a_stop_lets_streams_end_and_exits_well(self):
        # More time to end than the slowest machine needs: no stream may be cut off here.
        self.write_config("server:\n  shutdown_drain_s: 600\n")
        with self.serve() as server:
            clients = Clients(server.url, CLIENTS)
            clients.wait_for(5)
            server.signal(signal.SIGTERM)
            clients.ended.set()
            self.assertEqual(server.wait(660), 0, server.tail())
            clients.stop()
        self.assertEqual(clients.unclean, [])
        self.assertGreater(len(clients.delivered), 0)
        counts = collections.Counter(self.accounts())
        self.assertTrue(all(counts[one] == 1 for one in clients.delivered))

    def test_new_settings_under_load_harm_nobody_and_wrong_ones_change_nothing(self):
        with self.serve() as server:
            clients = Clients(server.url, 4)
            self.assertEqual(self.effective(server), 300)
            self.write_config("limits:\n  max_tokens: {max: 17}\n")
            server.signal(signal.SIGHUP)
            self.wait_for(lambda: self.effective(server) == 17)
            self.write_config("limits:\n  max_tokens: {max: many}\n")
            server.signal(signal.SIGHUP)
            time.sleep(0.5)
            self.assertEqual(self.effective(server), 17)
            self.write_config("limits:\n  max_tokens: {max: 23}\n")
            # Nobody is told this time: the file is watched.
            self.wait_for(lambda: self.effective(server) == 23, seconds=30)
            clients.stop()
            self.assertEqual((clients.cut, clients.unclean), (0, []))
            self.assertEqual(server.stop(), 0)

    def effective(self, server):
        """The limit that a request for 300 tokens gets."""
        body = {
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 300,
            "stop": [" "],
        }
        answer = server.post("/v1/chat/completions", body)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["jeton"]["limits"]["max_tokens"]["effective"]

    def wait_for(self, holds, seconds=10):
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, "it did not come about")
            time.sleep(0.1)

    def test_a_crowd_leaves_nothing_behind(self):
        with self.serve() as server:
            args = crowd.parse_arguments(["--minutes", "0.25", "--output", "24"])
            told, problems = crowd.crowd(server, args)
            self.assertEqual(problems, [], json.dumps(told, indent=1))
            self.assertGreater(told["vanished"], 0)
            self.assertGreater(told["slow_whole"], 0)
            self.assertEqual(server.stop(), 0, server.tail())

    def test_readers_that_stop_reading_are_cut_off_and_give_their_memory_back(self):
        self.write_config("server:\n  write_timeout_s: 0.5\n")
        with self.serve() as server:
            sizes = []
            for _ in range(STALL_ROUNDS):
                readers = [stalled_reader(server) for _ in range(STALLED)]
                # The connection that asks for the figures is one itself.
                self.wait_for(lambda: server.metric("jeton_connections_open") <= 1, seconds=120)
                self.assertEqual(crowd.idle(server), 0)
                for reader in readers:
                    self.assertNotIn(b"[DONE]", rest_of(reader))
                # Key-value memory once taken stays, for later prompts, up to its stated size.
                sizes.append(server.rss_bytes() - server.metric("jeton_kv_taken_bytes"))
            told = [f"{size / 2**20:.0f} MiB" for size in sizes]
            self.assertLess(sizes[-1], sizes[1] + crowd.GROWTH_BYTES, told)
            self.assertEqual(server.stop(), 0, server.tail())

    def test_random_arrivals_beyond_what_it_can_do_are_refused_with_a_time(self):
        self.write_config("server:\n  queue_max: 4\nmodels:\n  - {id: jeton-tiny, running_max: 2}\n")
        with self.serve() as server:
            report = load(
                server.url,
                *["--streams", 200, "--rate", 200, "--seconds", 3],
                *["--prompt-tokens", 48, "--output-tokens", 200],
            )
            told = {name: count for name, count in server.metrics().items() if "_errors" in name}
            busy = sum(count for name, count in told.items() if 'status="429"' in name)
            # Every refusal was a full queue, and the load tool has seen the time to come back.
            self.assertEqual(busy, report["refused"], told)
            self.assertGreater(busy, 0)
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
