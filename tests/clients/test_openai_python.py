"""The official `openai` client for Python against `jeton serve`, as its users write it."""

import math
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import openai
import pydantic

from served import Served

STORY = [{"role": "user", "content": "Tell me a story about a fox."}]
SERVER = None


def setUpModule():
    global SERVER
    SERVER = Served.jeton()


def tearDownModule():
    SERVER.stop()


def client(**more):
    settings = {"base_url": SERVER.url + "/v1", "api_key": "unused", "max_retries": 0, **more}
    return openai.OpenAI(**settings)


def chat(**more):
    settings = {"model": "jeton-tiny", "messages": STORY, "max_tokens": 40, "seed": 7}
    # The model thinks before it tells a story, which takes more than these few tokens.
    settings = {**settings, "reasoning_effort": "none", **more}
    return client().chat.completions.create(**settings)


class Chat(unittest.TestCase):
    def test_an_answer_has_text_usage_and_a_reason(self):
        answer = chat()
        choice = answer.choices[0]
        self.assertTrue(choice.message.content.strip())
        self.assertEqual(choice.message.role, "assistant")
        self.assertIn(choice.finish_reason, ["stop", "length"])
        self.assertTrue(answer.id.startswith("chatcmpl-"))
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual(answer.model, "jeton-tiny")
        usage = answer.usage
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        self.assertLessEqual(usage.completion_tokens, 40)

    def test_a_seed_gives_the_same_text_again_and_others_give_others(self):
        texts = [chat(seed=seed, temperature=1.0).choices[0].message.content for seed in (3, 3, 4)]
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])

    def test_n_answers_are_numbered_and_differ(self):
        answer = chat(n=3, temperature=1.0)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        self.assertEqual(len({choice.message.content for choice in answer.choices}), 3)

    def test_limits_by_either_name_hold(self):
        for name in ["max_tokens", "max_completion_tokens"]:
            settings = {"max_tokens": openai.omit, name: 5}
            answer = chat(**settings)
            self.assertEqual(answer.usage.completion_tokens, 5, name)
            self.assertEqual(answer.choices[0].finish_reason, "length", name)

    def test_a_stop_string_ends_the_text_and_is_not_in_it(self):
        whole = chat(temperature=0).choices[0].message.content
        stop = whole[10:16]
        answer = chat(temperature=0, stop=[stop]).choices[0]
        self.assertEqual(answer.message.content, whole[: whole.index(stop)])
        self.assertEqual(answer.finish_reason, "stop")

    def test_logprobs_are_of_the_text(self):
        choice = chat(logprobs=True, top_logprobs=3).choices[0]
        parts = choice.logprobs.content
        self.assertEqual(len(parts), 40 if choice.finish_reason == "length" else len(parts))
        text = b"".join(bytes(part.bytes) for part in parts)
        self.assertTrue(text.decode().startswith(choice.message.content.strip()[:20]) or
                        choice.message.content in text.decode())
        for part in parts:
            self.assertLessEqual(part.logprob, 0.0)
            self.assertEqual(len(part.top_logprobs), 3)
            share = sum(math.exp(top.logprob) for top in part.top_logprobs)
            self.assertLessEqual(share, 1.0001)

    def test_logit_bias_forces_and_forbids(self):
        forced = chat(logit_bias={"500": 100}, max_tokens=3, temperature=0, logprobs=True)
        tokens = {part.token for part in forced.choices[0].logprobs.content}
        self.assertEqual(len(tokens), 1)
        plain = chat(temperature=0, max_tokens=3, logprobs=True).choices[0]
        self.assertNotEqual({part.token for part in plain.logprobs.content}, tokens)

    def test_thinking_is_told_and_counted_apart(self):
        asked = [{"role": "user", "content": "What is 347 + 285?"}]
        for effort, thinks in [("low", True), ("none", False)]:
            answer = chat(messages=asked, reasoning_effort=effort, max_tokens=300)
            reasoning = answer.usage.completion_tokens_details.reasoning_tokens
            self.assertEqual(reasoning > 0, thinks, effort)
            self.assertNotIn("</think>", answer.choices[0].message.content or "")

    def test_what_jeton_adds_rides_under_one_key(self):
        answer = chat(extra_body={"top_k": 20, "min_p": 0.05})
        self.assertIn("limits", answer.jeton)
        extra = set(answer.model_extra or {})
        self.assertEqual(extra, {"jeton"})


class Streams(unittest.TestCase):
    def test_a_stream_says_what_a_plain_answer_says(self):
        whole = chat(temperature=0)
        chunks = list(chat(temperature=0, stream=True))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        self.assertEqual(text, whole.choices[0].message.content)
        reasons = [chunk.choices[0].finish_reason for chunk in chunks]
        self.assertEqual(reasons[-1], whole.choices[0].finish_reason)
        self.assertEqual(set(reasons[:-1]), {None})
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        self.assertTrue(all(chunk.usage is None for chunk in chunks))

    def test_usage_comes_last_when_asked_for(self):
        chunks = list(chat(stream=True, stream_options={"include_usage": True}))
        self.assertEqual(chunks[-1].choices, [])
        self.assertLessEqual(chunks[-1].usage.completion_tokens, 40)
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))

    def test_n_streams_are_told_apart(self):
        whole = chat(n=2, temperature=1.0)
        texts = ["", ""]
        reasons = [None, None]
        for chunk in chat(n=2, temperature=1.0, stream=True):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                reasons[choice.index] = choice.finish_reason or reasons[choice.index]
        self.assertEqual(texts, [choice.message.content for choice in whole.choices])
        self.assertEqual(reasons, [choice.finish_reason for choice in whole.choices])

    def test_logprobs_stream_too(self):
        chunks = chat(stream=True, logprobs=True, top_logprobs=2)
        parts = [
            part
            for chunk in chunks
            for choice in chunk.choices
            for part in (choice.logprobs.content or [] if choice.logprobs else [])
        ]
        self.assertGreater(len(parts), 5)
        self.assertTrue(all(len(part.top_logprobs) == 2 for part in parts))

    def test_the_stream_helper_ends_with_the_whole(self):
        # It takes an end at the limit for an error, so the first sentence is enough.
        asked = {"max_tokens": 200, "seed": 7, "temperature": 0, "stop": ["."]}
        asked["reasoning_effort"] = "none"
        with client().chat.completions.stream(
            model="jeton-tiny", messages=STORY, **asked
        ) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion()
        expected = chat(**asked)
        self.assertEqual(final.choices[0].message.content, expected.choices[0].message.content)

    def test_a_client_that_leaves_frees_its_place(self):
        before = idle_metrics()
        stream = chat(stream=True, max_tokens=900, extra_body={"ignore_eos": True})
        next(iter(stream))
        stream.close()
        self.assertEqual(idle_metrics()["kv_used"], before["kv_used"])

    def test_a_client_that_times_out_leaves_the_server_well(self):
        with self.assertRaises(openai.APITimeoutError):
            client(timeout=0.01).chat.completions.create(
                model="jeton-tiny", messages=STORY, max_tokens=900, extra_body={"ignore_eos": True}
            )
        idle_metrics()
        self.assertTrue(chat().choices[0].message.content)


def idle_metrics(seconds=20):
    """What /metrics says once nothing runs; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        running = SERVER.metric("jeton_requests_running")
        waiting = SERVER.metric("jeton_requests_waiting")
        if running == 0 and waiting == 0:
            return {"kv_used": SERVER.metric("jeton_kv_blocks_used")}
        if time.monotonic() > deadline:
            raise AssertionError(f"still running {running}, waiting {waiting}")
        time.sleep(0.05)


class Animal(pydantic.BaseModel):
    name: str
    legs: int


class Shapes(unittest.TestCase):
    def test_a_pydantic_model_comes_back(self):
        answer = client().chat.completions.parse(
            model="jeton-tiny", messages=STORY, max_tokens=60, seed=1, response_format=Animal
        )
        self.assertIsInstance(answer.choices[0].message.parsed, Animal)

    def test_any_json_object(self):
        import json

        answer = chat(response_format={"type": "json_object"}, max_tokens=60)
        self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)

    def test_tools_are_called_or_refused_by_name(self):
        function = {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        }
        tools = [{"type": "function", "function": function}]
        try:
            answer = chat(tools=tools, tool_choice="auto", max_tokens=60)
        except openai.BadRequestError as error:
            self.assertEqual(error.param, "tools")
            return
        choice = answer.choices[0]
        for call in choice.message.tool_calls or []:
            self.assertEqual(call.function.name, "weather")
        self.assertIn(choice.finish_reason, ["stop", "length", "tool_calls"])


class Errors(unittest.TestCase):
    def refused(self, kind, **more):
        with self.assertRaises(kind) as caught:
            chat(**more)
        return caught.exception

    def test_wrong_values_name_their_parameter(self):
        cases = {
            "temperature": {"temperature": 9},
            "top_p": {"top_p": -1},
            "n": {"n": 0},
            "stop": {"stop": ["a", "b", "c", "d", "e"]},
            "messages": {"messages": []},
            "logit_bias": {"logit_bias": {"1": 400}},
            "response_format": {"response_format": {"type": "poem"}},
            "top_logprobs": {"top_logprobs": 3},
        }
        for param, wrong in cases.items():
            error = self.refused(openai.BadRequestError, **wrong)
            self.assertEqual(error.param, param, error)
            self.assertEqual(error.type, "invalid_request_error")

    def test_an_unknown_model_is_not_found(self):
        error = self.refused(openai.NotFoundError, model="gpt-99")
        self.assertEqual((error.code, error.param), ("model_not_found", "model"))

    def test_a_prompt_that_does_not_fit_says_so(self):
        long = [{"role": "user", "content": "fox " * 3000}]
        error = self.refused(openai.BadRequestError, messages=long)
        self.assertEqual(error.code, "context_length_exceeded")

    def test_an_unknown_path_is_not_found(self):
        with self.assertRaises(openai.NotFoundError):
            client().embeddings.create(model="jeton-tiny", input="a")

    def test_errors_of_streams_come_before_the_stream(self):
        self.refused(openai.BadRequestError, stream=True, temperature=9)


class Models(unittest.TestCase):
    def test_the_model_inside_is_listed_and_told(self):
        names = [model.id for model in client().models.list()]
        self.assertEqual(names, ["jeton-tiny"])
        self.assertEqual(client().models.retrieve("jeton-tiny").id, "jeton-tiny")
        with self.assertRaises(openai.NotFoundError):
            client().models.retrieve("gpt-99")


class Completions(unittest.TestCase):
    def complete(self, **more):
        settings = {
            "model": "jeton-tiny",
            "prompt": "Once upon a time",
            "max_tokens": 12,
            "seed": 7,
            "temperature": 0,
            **more,
        }
        return client().completions.create(**settings)

    def test_text_in_text_out_streamed_or_not(self):
        whole = self.complete()
        self.assertTrue(whole.id.startswith("cmpl-"))
        self.assertEqual(whole.object, "text_completion")
        parts = list(self.complete(stream=True))
        self.assertEqual("".join(p.choices[0].text for p in parts), whole.choices[0].text)

    def test_many_prompts_as_text_or_ids(self):
        answer = self.complete(prompt=["Once upon", "A dog"], n=2, temperature=1.0)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2, 3])
        answer = self.complete(prompt=[400, 401, 402])
        self.assertEqual(answer.usage.prompt_tokens, 3)

    def test_logprobs_in_the_old_shape(self):
        logprobs = self.complete(logprobs=2).choices[0].logprobs
        self.assertEqual(len(logprobs.tokens), len(logprobs.token_logprobs))
        self.assertTrue(all(len(top) >= 2 for top in logprobs.top_logprobs))

    def test_echo_puts_the_prompt_before(self):
        text = self.complete(echo=True).choices[0].text
        self.assertTrue(text.startswith("Once upon a time"), text)


if __name__ == "__main__":
    unittest.main()
