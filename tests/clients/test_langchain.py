"""LangChain's OpenAI chat model against `jeton serve`."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import pydantic
from langchain_openai import ChatOpenAI

from served import Served


class Animal(pydantic.BaseModel):
    """An animal in a story."""

    name: str
    legs: int


class LangChain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Served.jeton()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def model(self, **more):
        settings = {"model": "jeton-tiny", "max_tokens": 30, "seed": 7, "temperature": 0}
        # The model thinks before it tells a story, which takes more than these few tokens.
        settings = {**settings, "reasoning_effort": "none", **more}
        return ChatOpenAI(base_url=self.server.url + "/v1", api_key="unused", **settings)

    def test_invoke_and_stream_agree(self):
        whole = self.model().invoke("Tell me a story about a fox.")
        self.assertTrue(whole.content.strip())
        self.assertGreater(whole.usage_metadata["output_tokens"], 0)
        parts = [part.content for part in self.model().stream("Tell me a story about a fox.")]
        self.assertEqual("".join(parts), whole.content)

    def test_structured_output(self):
        model = self.model(max_tokens=80).with_structured_output(Animal, method="json_schema")
        self.assertIsInstance(model.invoke("Name an animal."), Animal)

    def test_batch(self):
        answers = self.model().batch(["Hello.", "Tell me a story.", "Who are you?"])
        self.assertEqual(len({answer.content for answer in answers}), 3)


if __name__ == "__main__":
    unittest.main()
