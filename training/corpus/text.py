"""Small tools that every part of the corpus shares.

All randomness comes in through a `random.Random`, so a seed decides the whole
corpus and a run can be repeated years later.
"""

import re

CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{(\w+)\}")


def vary(rng, pattern, slots=None):
    """Expand `[one|two|three]` to one of its parts, then fill `{slots}`.

    Choices nest; the innermost is decided first. A slot may hold text with
    choices of its own, so filling comes before a second round of choosing.
    """
    for _ in range(4):
        while CHOICE.search(pattern):
            pattern = CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), pattern)
        if not slots or "{" not in pattern:
            return pattern
        pattern = SLOT.sub(lambda m: fill(slots, m.group(1)), pattern)
    return pattern


def fill(slots, name):
    """A slot's text; a capital first letter in the slot's name asks for a capital."""
    if name in slots:
        return str(slots[name])
    lower = name[0].lower() + name[1:]
    return capital(str(slots[lower]))


def capital(text):
    """First letter upper, the rest untouched (names inside must survive)."""
    return text[:1].upper() + text[1:]


def article(noun):
    """`a fox`, `an owl`, by the sound that the spelling suggests."""
    special = ("hour", "honest", "heir")
    hard = ("uni", "use", "one-", "euro")
    vowel = noun[:1].lower() in "aeiou" and not noun.lower().startswith(hard)
    return ("an " if vowel or noun.lower().startswith(special) else "a ") + noun


def join_list(items):
    """`a`, `a and b`, `a, b and c`."""
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


NUMBER_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven",
                "eight", "nine", "ten", "eleven", "twelve"]
