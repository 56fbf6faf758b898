"""Saying things again: plain practice in copying from the prompt.

Almost everything else here rests on copying (names through a story, numbers
through a sum, keys into JSON). Random words leave no other way to be right, so
a little of this teaches the skill early and cheaply.
"""

from . import subjects as s
from .categories import CATEGORIES
from .chat import Turn
from .text import article, vary
from .words import NAMES, TOWNS

POOLS = [NAMES, s.CREATURES, s.THINGS, s.ADJECTIVES, s.SPOTS, s.TREASURES, s.FOODS, TOWNS, s.PEOPLE, s.LOOKS]


def words(rng):
    """A mixed bag of words, names, numbers and made-up words."""
    out = []
    for _ in range(rng.randint(3, 16)):
        kind = rng.random()
        if kind < 0.1:
            out.append(s.invented_word(rng))
        elif kind < 0.2:
            out.append(str(rng.randint(0, 9999)))
        elif kind < 0.3:
            out.append(rng.choice(CATEGORIES[rng.choice(list(CATEGORIES))]))
        else:
            out.append(rng.choice(rng.choice(POOLS)))
    return out


def sample(rng):
    """`Repeat after me`, once or twice, with words or a list of them."""
    text = (rng.choice([" ", ", "])).join(words(rng))
    form = rng.random()
    if form < 0.75:
        ask = vary(rng, "[Repeat after me|Repeat|Say this again|Copy this|Write this again|Say]: {t}", {"t": text})
        return Turn(ask, text, f"I repeat the words: {text}")
    ask = vary(rng, "[Say this twice|Repeat this two times|Write this twice]: {t}", {"t": text})
    return Turn(ask, f"{text}\n{text}", f"I write it two times: {text}")


LINES = ["{N} [sings|sleeps|laughs|waits|runs].", "{N} likes {food}.", "Then {N} went to {spot}.", "\"Hello,\" said {N}.",
         "Everyone knows {N}.", "Nobody saw {N}.", "{time}, {N} found {at}.", "{N} wanted to {skill}.",
         "The {a} is called {N}.", "In the evening, {N} [came home|lit the lamp].", "It was cold, and {N} was tired.",
         "\"I know,\" {N} said.", "{N} was afraid of {fear}.", "And so {N} smiled.", "There lives {N}.", "What did {N} say?"]


def name_lines(rng):
    """Loose sentences about one or two people: who is who has to be kept in mind."""
    people = [(n, rng.choice(s.CREATURES + s.PEOPLE)) for n in rng.sample(NAMES, rng.choice((1, 1, 2)))]
    lines = [f"{n} is {article(a)}." for n, a in people]
    for _ in range(10):
        n, a = rng.choice(people)
        pattern = LINES[8] if len(people) > 1 and rng.random() < 0.6 else rng.choice(LINES)
        lines.append(vary(rng, pattern, {
            "N": n, "a": a, "food": rng.choice(s.FOODS), "spot": rng.choice(s.SPOTS), "skill": rng.choice(s.SKILLS),
            "at": article(rng.choice(s.TREASURES)), "fear": rng.choice(s.FEARS), "time": rng.choice(s.TIMES)}))
    return " ".join(lines)
