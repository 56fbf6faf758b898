"""Sums told as little situations, so that the model reads before it counts."""

from .chat import Turn
from .sums import pair, work
from .text import vary
from .words import NAMES

THINGS = ["apples", "shells", "stamps", "marbles", "books", "coins", "buttons", "pencils", "eggs",
          "stones", "cards", "plums", "nuts", "beads", "stickers", "cookies", "flowers", "tickets"]

# (operation, story, question, why this operation, answer)
SITUATIONS = [
    ("+", "{N} has {a} {t} and [gets|finds|buys|is given] {b} more.",
     "How many {t} does {N} have now?", "{N} starts with {a} and gets {b} more, so I add.",
     "{N} has {r} {t} now."),
    ("+", "{N} has {a} {t}. {M} has {b} {t}.",
     "How many {t} do they have together?", "Together means that I add {a} and {b}.",
     "Together they have {r} {t}."),
    ("+", "There are {a} {t} in one box and {b} {t} in another.",
     "How many {t} are there in all?", "In all means that I add {a} and {b}.",
     "There are {r} {t} in all."),
    ("-", "{N} has {a} {t} and [gives {b} of them to {M}|loses {b} of them|sells {b} of them].",
     "How many {t} are left?", "{b} of the {a} {t} go away, so I subtract.",
     "{N} has {r} {t} left."),
    ("-", "{N} has {a} {t}. {M} has {b} {t}.",
     "How many more {t} does {N} have than {M}?", "How many more means that I take {b} from {a}.",
     "{N} has {r} more {t} than {M}."),
    ("-", "A basket held {a} {t}. {N} took {b} of them.",
     "How many {t} stayed in the basket?", "{b} of the {a} {t} were taken, so I subtract.",
     "{r} {t} stayed in the basket."),
    ("x", "{N} has {a} bags with {b} {t} in each bag.",
     "How many {t} does {N} have?", "There are {a} bags of {b}, so I multiply.",
     "{N} has {r} {t}."),
    ("x", "Each of {a} children brings {b} {t}.",
     "How many {t} do they bring?", "There are {a} children with {b} each, so I multiply.",
     "They bring {r} {t}."),
]


def numbers(rng, op, held_out=False):
    """Everyday sizes: mostly two digits, sometimes three."""
    if op == "x":
        return rng.randint(2, 12), rng.randint(2, 12)
    digits = rng.choices((1, 2, 3), (0 if held_out else 2, 6, 2))[0]
    a, b = pair(rng, digits, digits, held_out)
    return (b, a) if op == "-" and a < b else (a, b)


def sample(rng):
    """One word problem; the working names the operation before it counts."""
    op, story, question, why, answer = rng.choice(SITUATIONS)
    a, b = numbers(rng, op)
    lines, result = work(a, op, b)
    n, m = rng.sample(NAMES, 2)
    slots = {"N": n, "M": m, "a": a, "b": b, "t": rng.choice(THINGS), "r": result}
    thought = [vary(rng, why, slots)] + lines + [f"The answer is {result}."]
    return Turn(vary(rng, f"{story} {question}", slots), vary(rng, answer, slots),
                "\n".join(thought))
