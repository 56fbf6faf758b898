"""Keys as a client meets them: none, wrong, right, used up."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import openai

from served import JETON, Served

CONFIG = """
ledger:
  path: {folder}/ledger.db
plans:
  small:
    requests_per_minute: 2
    limits:
      max_tokens: {{max: 5}}
"""


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="keys-")
        config = pathlib.Path(cls.folder.name) / "jeton.yaml"
        ledger = config.with_name("ledger.db")
        config.write_text(CONFIG.format(folder=cls.folder.name))
        command = [JETON, "key", "create", "somebody", "--plan", "small", "--json"]
        done = subprocess.run(
            [*command, "--ledger", ledger], capture_output=True, text=True, check=True
        )
        cls.secret = json.loads(done.stdout)["key"]
        cls.server = Served.jeton("--config", config)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def ask(self, key):
        client = openai.OpenAI(base_url=self.server.url + "/v1", api_key=key, max_retries=0)
        messages = [{"role": "user", "content": "Hello"}]
        return client.chat.completions.with_raw_response.create(
            model="jeton-tiny", messages=messages, max_tokens=50
        )

    def test_who_has_no_right_key_is_told_so(self):
        with self.assertRaises(openai.AuthenticationError) as caught:
            self.ask("jt-not-a-key")
        self.assertEqual(caught.exception.code, "invalid_api_key")

    def test_a_plan_limits_tokens_and_requests(self):
        first = self.ask(self.secret)
        self.assertLessEqual(first.parse().usage.completion_tokens, 5)
        self.assertEqual(first.headers["x-ratelimit-limit-requests"], "2")
        self.ask(self.secret)
        with self.assertRaises(openai.RateLimitError) as caught:
            self.ask(self.secret)
        self.assertGreater(float(caught.exception.response.headers["retry-after"]), 0)


if __name__ == "__main__":
    unittest.main()
