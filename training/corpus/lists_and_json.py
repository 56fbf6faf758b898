"""Short lists and small JSON objects: answers whose form can be checked."""

import json

from .categories import CATEGORIES, ORDERED, SYNONYMS
from .chat import Turn
from .text import NUMBER_WORDS, article, capital, join_list, vary
from .words import NAMES, TOWNS

STYLES = {
    "bullets": ["", " as bullets", " as a bulleted list", " with bullet points", " as a list"],
    "numbers": [" as a numbered list", " with numbers", " and number them"],
    "commas": [" on one line", " separated by commas", " in one line"],
}


def some(rng, kind, count):
    """Neighbours in the kind's own order, from a random start.

    With free choice a greedy model names its favourite again and again; an
    order gives each item one likely successor.
    """
    words = CATEGORIES[kind]
    start = 0 if kind in ORDERED else rng.randrange(len(words))
    return [words[(start + i) % len(words)] for i in range(count)]


def list_turn(rng, kind=None, count=None, style=None):
    """`count` different things of a kind, in the asked form."""
    kind = kind or rng.choice(list(CATEGORIES))
    words = CATEGORIES[kind]
    count = count or rng.choices(range(2, 11), (2, 6, 4, 6, 3, 3, 2, 1, 2))[0]
    count = min(count, len(words))
    style = style or rng.choices(list(STYLES), (5, 4, 2))[0]
    items = some(rng, kind, count)
    name = rng.choice(SYNONYMS.get(kind, [kind]))
    n = rng.choice((str(count), NUMBER_WORDS[count]))
    ask = vary(rng, rng.choice([
        "[List|Name|Give me|Write down|Tell me] {n} {k}{s}.", "Please [list|name] {n} {k}{s}.",
        "[Can|Could] you [list|name|give me] {n} {k}{s}?", "[Make|Write] a list of {n} {k}{s}.",
        "I need {n} {k}{s}.", "{n} {k}{s}, please."]), {"n": n, "k": name, "s": rng.choice(STYLES[style])})
    thought = (f"{count} {kind}, {style}. " +
               ", ".join(f"{i} {word}" for i, word in enumerate(items, 1)) + f". That makes {count}.")
    return Turn(capital(ask), show_list(items, style), thought)


def show_list(items, style):
    if style == "commas":
        return ", ".join(items)
    if style == "numbers":
        return "\n".join(f"{i}. {capital(item)}" for i, item in enumerate(items, 1))
    return "\n".join(f"- {capital(item)}" for item in items)


def value_for(rng, key):
    """A plausible value, of the type that the key suggests."""
    makers = {
        "name": lambda: rng.choice(NAMES), "age": lambda: rng.randint(4, 90),
        "city": lambda: rng.choice(TOWNS), "color": lambda: rng.choice(CATEGORIES["colors"]),
        "animal": lambda: rng.choice(CATEGORIES["animals"]), "job": lambda: rng.choice(CATEGORIES["jobs"]),
        "fruit": lambda: rng.choice(CATEGORIES["fruits"]), "sport": lambda: rng.choice(CATEGORIES["sports"]),
        "price": lambda: rng.randint(1, 99), "count": lambda: rng.randint(1, 20),
        "id": lambda: rng.randint(1, 999), "happy": lambda: rng.random() < 0.6,
        "mood": lambda: rng.choice(["happy", "calm", "sad", "angry", "curious"]),
        "tags": lambda: rng.sample(CATEGORIES["colors"], rng.randint(2, 3)),
        "size": lambda: rng.choice(["small", "medium", "large"]), "day": lambda: rng.choice(CATEGORIES["days of the week"]),
    }
    return makers[key]()


KEYS = ["name", "age", "city", "color", "animal", "job", "fruit", "sport", "price", "count", "id",
        "happy", "mood", "tags", "size", "day"]
OWNERS = {"person": ["name", "age", "city", "job", "mood", "happy", "sport"],
          "cat": ["name", "age", "color", "mood", "size"], "dog": ["name", "age", "color", "size", "happy"],
          "product": ["id", "name", "price", "color", "size", "count", "tags"],
          "child": ["name", "age", "city", "animal", "fruit", "sport"],
          "order": ["id", "fruit", "count", "price", "day"], "player": ["name", "age", "sport", "city"]}


def show_json(value, pretty):
    return json.dumps(value, indent=2) if pretty else json.dumps(value)


def invented_json(rng):
    """An object with the asked keys and values of the model's own."""
    owner = rng.choice(list(OWNERS))
    keys = rng.sample(OWNERS[owner], rng.randint(2, 4)) if rng.random() < 0.7 else rng.sample(KEYS, rng.randint(1, 5))
    keys.sort(key=lambda k: (k != "name", rng.random()))
    pretty = rng.random() < 0.3
    ask = vary(rng, rng.choice([
        "[Make|Write|Create|Give me|Return] a JSON object for {o} with the keys {k}.",
        "[Describe|Invent] {o} as JSON with {k}.", "JSON for {o}: {k}",
        "[Give me|Return|Write] a [small |]JSON object with the keys {k}.",
        "Output a JSON object with {k}."]), {"o": article(owner), "k": join_list(keys)})
    if pretty:
        ask += " Use several lines."
    value = {key: value_for(rng, key) for key in keys}
    thought = f"The keys are {join_list(keys)}. I choose " + ", ".join(
        f"{key} {json.dumps(v)}" for key, v in value.items()) + "."
    return Turn(ask, show_json(value, pretty), thought)


FACTS = {"name": None, "age": "{n} is {v} years old", "city": "{n} lives in {v}", "job": "{n} works as {a}",
         "color": "{n} likes the color {v}", "sport": "{n} plays {v}", "animal": "{n} has {a}",
         "fruit": "{n} likes to eat {v}", "mood": "{n} is {v} today"}


def extracted_json(rng):
    """Facts in a sentence, wanted as JSON: practice in copying exactly."""
    keys = rng.sample([k for k in FACTS if k != "name"], rng.randint(1, 4))
    value = {"name": rng.choice(NAMES), **{k: value_for(rng, k) for k in keys}}
    told = [FACTS[k].format(n=value["name"], v=value[k], a=article(str(value[k]))) for k in keys]
    text = join_list(told) + "."
    wanted = ["name"] + [k for k in keys if rng.random() < 0.8]
    pretty = rng.random() < 0.25
    ask = vary(rng, rng.choice(["{t} [Write|Give|Return] this as JSON with the keys {k}.",
                                "[Turn this into JSON|Make JSON from this] with {k}: {t}",
                                "{t} As JSON with {k}[, please.|.]"]), {"t": text, "k": join_list(wanted)})
    if pretty:
        ask += " Use several lines."
    chosen = {k: value[k] for k in wanted}
    thought = f"The keys are {join_list(wanted)}. I read " + ", ".join(
        f"{k} {json.dumps(v)}" for k, v in chosen.items()) + "."
    return Turn(ask, show_json(chosen, pretty), thought)


def array_json(rng):
    """A JSON array of simple words."""
    kind = rng.choice(list(CATEGORIES))
    count = rng.randint(2, 6)
    items = some(rng, kind, count)
    ask = vary(rng, "[Give me|Write|Return] {n} {k} as a JSON [array|list].",
               {"n": rng.choice((str(count), NUMBER_WORDS[count])), "k": kind})
    thought = f"{count} {kind} in a JSON array. " + ", ".join(
        f"{i} {word}" for i, word in enumerate(items, 1)) + f". That makes {count}."
    return Turn(ask, json.dumps(items), thought)


def sample(rng):
    """A list or a piece of JSON."""
    maker = rng.choices((list_turn, invented_json, extracted_json, array_json), (45, 27, 18, 10))[0]
    return maker(rng)
