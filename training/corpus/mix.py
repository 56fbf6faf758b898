"""The whole corpus as one endless stream, in fixed shares.

A document is a conversation of one to six turns or a plain text. The stream
depends on the seed alone, and two seeds give unrelated streams, so validation
uses a seed of its own.
"""

import random

from . import games, lists_and_json, money_games, repeat, stories, sums, talk, word_problems
from .chat import Conversation, PlainText

# Shares of documents, not of tokens: stories and games are several times longer.
SHARES = {"sums": 31, "word problems": 6, "stories": 27, "games": 14, "lists and json": 14, "talk": 7, "plain": 3, "repeat": 4}
SYSTEMS = ["You are a helpful assistant.", "You are Jeton tiny, a very small language model.", "You are a friendly assistant.",
           "Answer briefly.", "You are a careful assistant. Think before you answer."]
GAMES = (games.matrix_game, money_games.offer, money_games.respond, money_games.send, money_games.give_back)
SIMPLE = {"sums": sums.sample, "word problems": word_problems.sample, "stories": stories.sample,
          "lists and json": lists_and_json.sample, "talk": talk.sample, "repeat": repeat.sample}


def game(rng):
    """A game as (system, turn); the prisoner's dilemma and stag hunt lead."""
    return rng.choices(GAMES, (50, 13, 13, 15, 9))[0](rng)[:2]


def turns_before(rng, kind):
    """Earlier turns for a longer conversation, usually none."""
    if rng.random() < 0.86:
        return []
    other = [k for k in SIMPLE if k != "stories" or rng.random() < 0.5]
    return [SIMPLE[rng.choice(other)](rng) for _ in range(rng.choices((1, 2, 3, 5), (6, 3, 2, 1))[0])]


def conversation(rng, kind):
    """One chat document of this kind, with or without thinking."""
    thinking = rng.random() < (0.75 if kind in ("sums", "word problems") else 0.5)
    if kind == "games":
        system, turn = game(rng)
        return Conversation([turn], kind, system, thinking)
    turns = turns_before(rng, kind)
    if kind == "sums" and rng.random() < 0.06:
        turns = sums.follow_up(rng, *sums.problem(rng)) or [sums.sample(rng)]
    else:
        turns = turns + [SIMPLE[kind](rng)]
    system = rng.choice(SYSTEMS) if rng.random() < 0.25 else None
    return Conversation(turns, kind, system, thinking)


def document(rng):
    """The next document of the stream."""
    kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
    if kind == "plain":
        return stories.plain(rng) if rng.random() < 0.9 else PlainText(talk.about_knobs(rng).answer)
    return conversation(rng, kind)


def stream(seed):
    """Documents without end, the same for the same seed."""
    rng = random.Random(f"jeton corpus {seed}")
    while True:
        yield document(rng)
