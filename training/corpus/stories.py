"""Stories: a cast is chosen, a plot is told about it, and a prompt asks for it.

The cast is fixed before the first word, so names, pronouns and things stay the
same through a story. The thought lists the cast and the turn of the plot, which
gives a reasoning model something true to plan with.
"""

from . import subjects as s
from .chat import PlainText, Turn
from .hero_plots import HERO_PLOTS
from .text import NUMBER_WORDS, article, capital, vary
from .thing_plots import IDEA_PLOTS, OUTDOOR_PLOTS, PLACE_PLOTS, THING_PLOTS
from .tiny_plots import (DETAILS, OPENINGS, PROVERBS, TINY_HERO, TINY_IDEA, TINY_OUTDOORS, TINY_PLACE, TINY_THING)
from .words import BOYS, GIRLS

PLOTS = {"hero": HERO_PLOTS, "thing": THING_PLOTS, "place": PLACE_PLOTS, "outdoors": OUTDOOR_PLOTS,
         "idea": IDEA_PLOTS}
TINY_PLOTS = {"hero": TINY_HERO, "thing": TINY_THING, "place": TINY_PLACE, "outdoors": TINY_OUTDOORS,
              "idea": TINY_IDEA}
FEMALE = {"witch", "princess", "queen", "grandmother", "girl", "mermaid", "cow", "hen", "duck", "goose"}
MALE = {"wizard", "prince", "king", "grandfather", "boy", "rooster", "snowman"}
HOMES2 = ["on a hill", "at the end of the valley", "far out by the sea", "behind the woods", "in the north",
          "between two rivers", "near the old town", "beyond the last village"]


def pronouns(rng, noun):
    """(name, he, him, his, himself) for a noun; most nouns may be either."""
    female = noun in FEMALE or (noun not in MALE and rng.random() < 0.5)
    if female:
        return rng.choice(GIRLS), "she", "her", "her", "herself"
    return rng.choice(BOYS), "he", "him", "his", "himself"


def subject(rng):
    """(kind, adjective or '', noun) of what a prompt asks for."""
    kind = rng.choices(("hero", "thing", "place", "outdoors", "idea", "word"), (52, 22, 7, 6, 6, 7))[0]
    if kind == "word":
        return rng.choice(("hero", "thing")), rng.choice(["", "", rng.choice(s.LOOKS)]), s.invented_word(rng)
    if kind == "idea":
        return kind, "", rng.choice(s.IDEAS)
    noun = rng.choice({"hero": s.CREATURES + s.PEOPLE, "thing": s.THINGS, "place": s.PLACES,
                       "outdoors": s.OUTDOORS}[kind])
    first, second = (s.ADJECTIVES, s.LOOKS) if kind == "hero" else (s.LOOKS, s.ADJECTIVES)
    adjective = rng.choices(("", rng.choice(first), rng.choice(second)), (45, 42, 13))[0]
    return kind, "" if adjective == noun else adjective, noun


def cast(rng, kind, adjective, noun, second=None, place=None, name=None):
    """Every slot the plots may use, chosen once for the whole story."""
    hero = noun if kind == "hero" else rng.choice(s.PEOPLE + ["boy", "girl"] * 4)
    n, he, him, his, himself = pronouns(rng, hero)
    helper = second or rng.choice([c for c in s.CREATURES + s.PEOPLE if c != hero])
    if not second and rng.random() < 0.4:
        helper = f"{rng.choice(s.ADJECTIVES)} {helper}"
    while True:
        h_name, her_or_his = pronouns(rng, helper.split()[-1])[0:3:2]
        if h_name != (name or n):
            break
    spots, foods = rng.sample(s.SPOTS, 3), rng.sample(s.FOODS, 2)
    treasure, full = rng.choice(s.TREASURES), f"{adjective} {noun}".strip()
    slots = {"N": name or n, "he": he, "him": him, "his": his, "himself": himself, "H": h_name,
             "helper": helper, "ahelper": article(helper), "him_or_her": her_or_his,
             "hero": hero, "ahero": article(full if kind == "hero" else hero),
             "S": noun, "S_cap": capital(noun), "aS": article(full),
             "t": treasure, "t_short": treasure.split()[-1], "at": article(treasure), "at_short": article(treasure.split()[-1]), "food": foods[0], "food2": foods[1],
             "home": f"in {article(place)}" if place else rng.choice(s.HOMES), "home2": rng.choice(HOMES2),
             "spot": spots[0], "spot2": spots[1], "spot3": spots[2], "far": rng.choice(s.FARAWAY),
             "fear": rng.choice(s.FEARS), "skill": rng.choice(s.SKILLS), "time": rng.choice(s.TIMES),
             "proverb": rng.choice(PROVERBS),
             "look": rng.choice([look for look in s.PLAIN_LOOKS if look != adjective])}
    slots["open"] = vary(rng, rng.choice(OPENINGS), slots)
    return slots


def tell(rng, kind, slots, length):
    """(text, trouble, end) of a medium or long story."""
    plots = PLOTS[kind]
    trouble, end, beats = plots[rng.choice(list(plots))]
    parts = [vary(rng, rng.choice(beat), slots) for beat in beats]
    if length == "long":
        extra = rng.sample(DETAILS, 5)
        parts = [f"{part} {vary(rng, detail, slots)}" for part, detail in zip(parts, extra)] + parts[5:]
        text = "\n\n".join(" ".join(parts[i:i + 2]) for i in (0, 2, 4))
    else:
        text = " ".join(parts)
    return text, vary(rng, trouble, slots), vary(rng, end, slots)


def tell_tiny(rng, kind, slots, sentences):
    """A story of exactly this many sentences."""
    start, detail, middle, detail2, end = rng.choice(TINY_PLOTS[kind])
    parts = {2: [start, middle], 3: [start, middle, end], 4: [start, detail, middle, end],
             5: [start, detail, middle, detail2, end]}[sentences]
    return " ".join(vary(rng, part, slots) for part in parts)


ASK = {
    "medium": ["Tell me a story about {x}.", "Write a story about {x}.", "[Please tell|Tell] me about {x} in a story.",
               "A story about {x}[, please|].", "[Can|Could] you tell me a story about {x}?", "I want a story about {x}.",
               "Make up a story about {x}.", "Story: {x}", "Tell a story about {x}.", "Write me a story about {x}",
               "tell me a story about {x}", "[Once more: a|Now a|A] story with {x}, please."],
    "long": ["Tell me a long story about {x}.", "Write a long story about {x}.", "[Please write|Write] a longer story about {x}.",
             "Tell me a story about {x}. [Make it long.|Take your time.|It may be long.]",
             "[Can|Could] you write a long story about {x}?"],
    "short": ["Tell me a short story about {x}.", "Write a short story about {x}.", "Write a very short story about {x}",
              "Tell me a story about {x}. [Keep it short.|Be brief.|Make it short.]", "A short story about {x}, please.",
              "Tell me a little story about {x}."],
    "any": ["Tell me a story[.|!| please.]", "tell me a story", "Write a story[.| please.]", "A story[, please|][.|!]",
            "Can you tell me a story?", "Tell me another story.", "Once upon a time", "Tell me something."],
    "count": ["Tell me a story about {x} in {n} sentences.", "Write a story about {x} in {n} sentences.",
              "In {n} sentences, tell me about {x}.", "Write {n} sentences about {x}.",
              "[Give|Tell] me a {n}-sentence story about {x}.", "A story about {x}. {n_cap} sentences."],
}


def described(rng, kind, adjective, noun):
    """How the prompt names its subject, and what the cast must then contain."""
    full = f"{adjective} {noun}".strip()
    if kind == "idea":
        return noun, {}
    plain = article(full) if rng.random() < 0.9 else f"the {full}"
    if kind != "hero":
        return plain, {}
    form = rng.random()
    if form < 0.12:
        second = rng.choice([c for c in s.CREATURES + s.PEOPLE if c != noun])
        return f"{plain} and {article(second)}", {"second": second}
    if form < 0.22:
        place = rng.choice(s.PLACES + ["forest", "cave", "garden", "valley"])
        return f"{plain} [in|who lives in] {article(place)}", {"place": place}
    if form < 0.32:
        name = pronouns(rng, noun)[0]
        return f"{plain} [named|called] {name}", {"name": name}
    return plain, {}


def sample(rng, length=None, chosen=None):
    """A prompt for a story, the story, and the plan behind it."""
    kind, adjective, noun = chosen or subject(rng)
    length = length or rng.choices(("medium", "long", "short", "count"), (44, 16, 22, 18))[0]
    phrase, wanted = described(rng, kind, adjective, noun)
    phrase = vary(rng, phrase)
    slots = cast(rng, kind, adjective, noun, **wanted)
    if wanted.get("name") in GIRLS:
        slots.update(he="she", him="her", his="her", himself="herself")
    elif wanted.get("name"):
        slots.update(he="he", him="him", his="his", himself="himself")
    count = {"short": rng.choice((3, 4)), "count": rng.randint(2, 5)}.get(length)
    if count:
        text, plan = tell_tiny(rng, kind, slots, count), f"{count} sentences."
    else:
        text, trouble, end = tell(rng, kind, slots, length)
        plan = f"Trouble: {trouble}. End: {end}."
    word = rng.choice((str(count), NUMBER_WORDS[count])) if count else ""
    style = "any" if length == "medium" and not chosen and rng.random() < 0.12 else length
    ask = vary(rng, rng.choice(ASK[style]), {"x": phrase, "n": word, "n_cap": capital(word)})
    size = {"medium": "A story", "long": "A long story", "short": "A short story", "count": "A story"}[length]
    about = noun if kind == "idea" else article(f"{adjective} {noun}".strip())
    thought = (f"{size} about {about}.\nHero: {slots['N']}, {slots['ahero']}. "
               f"Helper: {slots['H']}, {slots['ahelper']}.\n{plan}")
    return Turn(ask, text, thought)


def plain(rng):
    """A story on its own, sometimes under a title."""
    turn = sample(rng, rng.choice(("medium", "long", "short")))
    return PlainText(turn.answer)
