"""What `lm-eval` sends with `local-completions` and `local-chat-completions`, and reads."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from served import Served


class LmEval(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Served.jeton()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def ids(self, text):
        return self.server.post("/tokenize", {"text": text}).json()["tokens"]

    def test_likelihood_of_a_continuation(self):
        """`loglikelihood`: the prompt echoed with its own log probabilities."""
        context, continuation = self.ids("Once upon a time"), self.ids(" there was a fox.")
        asked = {
            "model": "jeton-tiny",
            "prompt": [context + continuation],
            "temperature": 0,
            "max_tokens": 1,
            "logprobs": 1,
            "seed": 1234,
            "echo": True,
        }
        answer = self.server.post("/v1/completions", asked)
        self.assertEqual(answer.status, 200, answer)
        logprobs = answer.json()["choices"][0]["logprobs"]
        values = logprobs["token_logprobs"][len(context) : -1]
        self.assertEqual(len(values), len(continuation))
        self.assertTrue(all(value <= 0 for value in values))
        tops = logprobs["top_logprobs"][len(context) : -1]
        self.assertTrue(all(max(top.values()) <= 0 for top in tops))
        self.assertIsNone(logprobs["token_logprobs"][0])

    def test_generate_until(self):
        asked = {
            "model": "jeton-tiny",
            "prompt": ["Once upon a time", "Question: What is 2 + 2?\nAnswer:"],
            "max_tokens": 24,
            "temperature": 0,
            "stop": ["\n\n"],
            "seed": 1234,
        }
        answer = self.server.post("/v1/completions", asked)
        self.assertEqual(answer.status, 200, answer)
        choices = answer.json()["choices"]
        self.assertEqual([choice["index"] for choice in choices], [0, 1])

    def test_chat_generate_until(self):
        asked = {
            "messages": [{"role": "user", "content": "What is 2 + 2?", "type": "text"}],
            "model": "jeton-tiny",
            "max_tokens": 24,
            "temperature": 0,
            "stop": ["Question:"],
            "seed": 1234,
        }
        answer = self.server.post("/v1/chat/completions", asked)
        self.assertEqual(answer.status, 200, answer)
        self.assertIsInstance(answer.json()["choices"][0]["message"]["content"], str)


if __name__ == "__main__":
    unittest.main()
