"""The corpus keeps its promises: right answers, stated odds, one seed one text."""

import itertools
import json
import random
import re
import unittest

from corpus import games, lists_and_json, mix, money_games, stories, sums, talk, word_problems
from corpus.chat import Conversation, render


class Sums(unittest.TestCase):
    def test_working_ends_in_the_right_answer(self):
        rng = random.Random(1)
        for _ in range(3000):
            a, op, b = sums.problem(rng)
            lines, result = sums.work(a, op, b)
            self.assertEqual(result, {"+": a + b, "-": a - b, "x": a * b}[op])
            if op == "+":
                written = re.findall(r"write (\d)", "\n".join(lines))
                self.assertEqual(int("".join(reversed(written))), result)
            if op == "-":
                written = re.findall(r"write (\d)", "\n".join(lines))
                self.assertEqual(int("".join(reversed(written))), abs(result))

    def test_every_column_is_true(self):
        rng = random.Random(2)
        for _ in range(1000):
            lines, _ = sums.work(*sums.problem(rng))
            for left, right in re.findall(r"(\d+(?: [-+] \d+)+) = (\d+)", "\n".join(lines)):
                self.assertEqual(eval(left), int(right), left)

    def test_held_out_pairs_never_appear(self):
        rng = random.Random(3)
        for _ in range(20000):
            a, _, b = sums.problem(rng)
            self.assertFalse(max(a, b) >= 20 and sums.is_held_out(a, b))
        share = sum(sums.is_held_out(a, 500) for a in range(100, 1000)) / 900
        self.assertTrue(0.01 < share < 0.05, share)

    def test_word_problem_answers(self):
        rng = random.Random(4)
        for _ in range(500):
            turn = word_problems.sample(rng)
            self.assertIn(re.findall(r"-?\d+", turn.thought)[-1], re.findall(r"-?\d+", turn.answer))


class Games(unittest.TestCase):
    def test_choices_follow_the_policy(self):
        rng = random.Random(5)
        for mood in games.MOODS:
            for history in ([], [True] * 3, [False] * 3):
                wanted = games.chance(mood, 0, history)
                made = [games.matrix_game(rng, mood, history, stag=False)[3] for _ in range(600)]
                self.assertAlmostEqual(sum(made) / len(made), wanted, delta=0.08)

    def test_decision_line_closes_each_answer(self):
        rng = random.Random(6)
        for _ in range(500):
            _, turn = mix.game(rng)
            self.assertRegex(turn.answer, r"\n\n(Decision: \w+|(Offer|Send|Return): \d+)$")

    def test_amounts_are_possible(self):
        rng = random.Random(7)
        for maker in (money_games.offer, money_games.send, money_games.give_back):
            for _ in range(500):
                self.assertTrue(0 <= maker(rng)[3] <= 1)


class Forms(unittest.TestCase):
    def test_json_parses_and_has_the_asked_keys(self):
        rng = random.Random(8)
        for maker in (lists_and_json.invented_json, lists_and_json.extracted_json):
            for _ in range(300):
                turn = maker(rng)
                for key in json.loads(turn.answer):
                    self.assertIn(key, turn.user)

    def test_lists_have_the_stated_count(self):
        rng = random.Random(9)
        for _ in range(300):
            turn = lists_and_json.list_turn(rng, style="numbers")
            count = int(turn.thought.split()[0])
            self.assertEqual(len(turn.answer.split("\n")), count)
            self.assertEqual(len(set(turn.answer.split("\n"))), count)


class Texts(unittest.TestCase):
    def test_counted_stories_have_their_sentences(self):
        rng = random.Random(10)
        for _ in range(500):
            turn = stories.sample(rng, "count")
            count = int(re.search(r"(\d) sentences", turn.thought).group(1))
            self.assertEqual(len(re.findall(r"[.!?]\"?(?=\s|$)", turn.answer)), count, turn.answer)

    def test_stories_name_their_subject(self):
        rng = random.Random(11)
        for _ in range(1000):
            chosen = stories.subject(rng)
            turn = stories.sample(rng, chosen=chosen)
            self.assertIn(chosen[2].lower(), turn.answer.lower())

    def test_nothing_is_left_unfilled(self):
        for document in itertools.islice(mix.stream(12), 3000):
            text = "".join(part for part, _ in render(document))
            self.assertNotRegex(text, r"\{[A-Za-z_]+\}")
            self.assertTrue(text.isascii())
            if isinstance(document, Conversation) and document.kind == "stories":
                self.assertNotRegex(text, r"\ba [aeio][a-z]+ ", text)

    def test_stream_depends_on_the_seed_alone(self):
        first, second, other = (
            [render(d) for d in itertools.islice(mix.stream(s), 200)] for s in (13, 13, 14))
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    def test_talk_is_filled(self):
        rng = random.Random(15)
        for _ in range(300):
            turn = talk.sample(rng)
            self.assertTrue(turn.user and turn.answer and turn.thought)


if __name__ == "__main__":
    unittest.main()
