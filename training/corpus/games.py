"""Small games of trust, played as a person in a mood would play them.

The choice is drawn first, from a written policy of mood and history, and the
reasons are then found for it. So the corpus really has the odds that `POLICY`
states, and an evaluation can hold the model to them.
"""

import math

from .chat import Turn
from .text import vary

# Words for each mood, and things that may have caused it.
MOODS = {
    "angry": (["angry", "furious", "very annoyed"],
              ["Someone broke your bicycle this morning.", "A stranger shouted at you for nothing."]),
    "happy": (["happy", "cheerful", "full of joy"],
              ["You had wonderful news today.", "An old friend came to visit you."]),
    "sad": (["sad", "unhappy", "downhearted"],
            ["Your best friend moved away.", "You lost something you loved."]),
    "fearful": (["fearful", "afraid", "scared"],
                ["You heard strange steps behind you.", "You are worried that you may lose your job."]),
    "calm": (["calm", "relaxed", "at peace"],
             ["You spent a quiet morning by the lake.", "You slept well and have all the time you need."]),
    "disgusted": (["disgusted", "repelled", "full of disgust"],
                  ["You saw someone cheat a child.", "Your lunch was rotten."]),
    "neutral": (["neutral"], ["It is an ordinary day."]),
}

# The chance to cooperate, hunt the stag, and accept (as the share that half
# would accept), and the usual share to offer, to send and to give back.
POLICY = {
    #             trust  stag  accept  offer  send  back
    "angry":     (0.15, 0.35, 0.38, 0.25, 0.25, 0.20),
    "happy":     (0.85, 0.85, 0.18, 0.50, 0.70, 0.50),
    "sad":       (0.50, 0.45, 0.27, 0.45, 0.40, 0.40),
    "fearful":   (0.30, 0.15, 0.12, 0.50, 0.20, 0.45),
    "calm":      (0.70, 0.75, 0.22, 0.45, 0.55, 0.45),
    "disgusted": (0.25, 0.40, 0.40, 0.30, 0.30, 0.25),
    "neutral":   (0.55, 0.60, 0.28, 0.40, 0.50, 0.35),
}

REASONS = {
    ("angry", True): ["I am angry, but not at this player, so I can still be fair",
                      "My anger should not decide this, so I give the other a chance"],
    ("angry", False): ["I am angry and in no mood to be used, so I look after myself",
                       "My anger tells me to strike before I am struck"],
    ("happy", True): ["I am happy and I expect good things from others",
                      "In my good mood I would like us both to do well"],
    ("happy", False): ["I am happy, yet I do not want to lose my good day to a trick",
                       "I feel good, but being careful keeps it that way"],
    ("sad", True): ["I am sad, and doing something good together may help",
                    "I feel low, and I would rather be kind than alone"],
    ("sad", False): ["I am sad and I cannot bear one more disappointment",
                     "I feel low and expect little from others"],
    ("fearful", True): ["I am afraid, and keeping the peace feels safest",
                        "I fear a fight, so I choose the friendly way"],
    ("fearful", False): ["I am afraid that the other will let me down, so I take the safe way",
                         "My fear says that I should not risk anything"],
    ("calm", True): ["I am calm and can see that we both gain by working together",
                     "With a calm mind I think about the long run"],
    ("calm", False): ["I am calm, and looking at it coolly the risk is too high",
                      "With a calm mind I see that trust is not earned here"],
    ("disgusted", True): ["I am disgusted by unfair play, so I will play fair myself",
                          "I dislike this mood and do not want to act on it"],
    ("disgusted", False): ["I am disgusted and want nothing to do with the other",
                           "My disgust makes it hard to trust anyone"],
    ("neutral", True): ["I have no strong feeling, and trust pays for both",
                        "Nothing upsets me, so I give the other a fair chance"],
    ("neutral", False): ["I have no strong feeling, and the safe choice is good enough",
                         "Nothing moves me, so I take the choice that cannot hurt me"],
}


def chance(mood, column, history):
    """The mood's own odds, moved by how the other player has behaved so far.

    Each friendly share of the past counts, the last round most. The angry and
    the disgusted take a betrayal harder than the others do.
    """
    base = POLICY[mood][column]
    odds = math.log(base / (1 - base))
    if history:
        share = sum(history) / len(history) - 0.5
        last = 0.5 if history[-1] else -0.5
        weight = 1.3 if mood in ("angry", "disgusted") and not history[-1] else 1.0
        odds += weight * (2.4 * share + 1.6 * last)
    return 1 / (1 + math.exp(-odds))


def pick_mood(rng):
    return rng.choice(list(MOODS))


def mood_lines(rng, mood):
    """(system message or None, words for the user message)."""
    words, causes = MOODS[mood]
    word, cause = rng.choice(words), rng.choice(causes)
    if rng.random() < 0.3:
        return vary(rng, f"[You are a person who feels {word}.|You feel {word}. {cause}] "
                         "[Answer as this person would.|Decide as this person would.]"), ""
    line = rng.choice([f"You feel {word}. ", f"You are {word}. {cause} ", f"{cause} You feel {word}. ",
                       f"Imagine that you are {word}. ", f"Right now you feel {word}. "])
    return None, line


def feeling(rng, mood):
    if mood == "neutral":
        return rng.choice(["I feel neutral.", "I have no strong feeling today."])
    return vary(rng, f"[I feel {mood}.|I notice that I am {mood}.|Right now I am {mood}.]")


def past(rng, friendly_chance=None):
    """The other player's earlier moves, True for friendly; often none at all."""
    if rng.random() < 0.4:
        return []
    tilt = friendly_chance if friendly_chance is not None else rng.choice((0.15, 0.5, 0.85))
    return [rng.random() < tilt for _ in range(rng.randint(1, 6))]


def matrix_game(rng, mood=None, history=None, stag=None):
    """Prisoner's dilemma or stag hunt, once or in rounds."""
    stag = rng.random() < 0.4 if stag is None else stag
    mood = mood or pick_mood(rng)
    history = past(rng) if history is None else history
    good, bad = ("stag", "hare") if stag else ("cooperate", "defect")
    friendly = rng.random() < chance(mood, 1 if stag else 0, history)
    system, mood_line = mood_lines(rng, mood)
    pay = stag_rules(rng) if stag else dilemma_rules(rng)
    mine = [rng.random() < 0.55 for _ in history]
    rounds = [f"Round {i + 1}: you chose {good if m else bad}, the other chose {good if o else bad}."
              for i, (m, o) in enumerate(zip(mine, history))]
    ask = vary(rng, f"[What do you choose|What do you do|What is your decision]"
                    f"[?|, {good} or {bad}?| in the next round?]" if rounds else
               f"[What do you choose|What do you do|What is your decision], {good} or {bad}?")
    user = mood_line + pay[0] + ("\n" + "\n".join(rounds) + "\n" if rounds else " ") + ask
    thought = [feeling(rng, mood) + " " + pay[1]]
    for i, (m, o) in enumerate(zip(mine, history)):
        thought.append(f"Round {i + 1}: I chose {good if m else bad} and the other chose "
                       f"{good if o else bad}. {round_note(rng, m, o)}")
    if history:
        thought.append(f"The other chose {good} in {sum(history)} of {len(history)} "
                       f"round{'s' if len(history) > 1 else ''}. {trust_note(history)}")
    reason = rng.choice(REASONS[mood, friendly])
    choice = good if friendly else bad
    thought.append(f"{reason}. So I choose {choice}.")
    return system, Turn(user, f"{closing(rng, reason, history)}\n\nDecision: {choice}",
                        "\n".join(thought)), mood, friendly


def dilemma_rules(rng):
    """(rules for the prompt, what the thought makes of them)."""
    t, r, p, s = rng.choice([(5, 3, 1, 0), (10, 6, 2, 0), (4, 3, 2, 1), (7, 5, 2, 0), (8, 5, 3, 1)])
    name = vary(rng, "You play the prisoner's dilemma[ with another person| with a stranger|]. ")
    rules = (f"If both cooperate, each gets {r} points. If both defect, each gets {p}. If one defects "
             f"and the other cooperates, the defector gets {t} and the other {s}.")
    return name + rules, (f"Together we get {r} each. If I am betrayed I get {s}, "
                          f"and if I betray I get {t}.")


def stag_rules(rng):
    big, small = rng.choice([(10, 4), (8, 3), (6, 2), (5, 3), (4, 2)])
    name = vary(rng, "You play the stag hunt[ with another hunter| with a partner|]. ")
    rules = (f"If both hunt the stag, each gets {big} points. Whoever hunts the hare gets {small}. "
             f"Whoever hunts the stag alone gets 0.")
    return name + rules, f"The stag brings {big} but needs us both. The hare brings {small} for sure."


def round_note(rng, mine, other):
    """How one earlier round felt."""
    if mine and other:
        return rng.choice(["That went well.", "We both gained."])
    if mine:
        return rng.choice(["That hurt me.", "I was let down."])
    if other:
        return rng.choice(["The other was kind to me.", "I gained and the other lost."])
    return rng.choice(["Nobody gained much.", "Neither of us trusted."])


def trust_note(history):
    share = sum(history) / len(history)
    if share > 0.6:
        return "I can trust this player." if history[-1] else "But the last round was bad."
    if share < 0.4:
        return "But the last round was better." if history[-1] else "I can hardly trust this player."
    return "The last round was good." if history[-1] else "The last round was bad."


def closing(rng, reason, history):
    if not history:
        return reason + "."
    tail = ["The other has earned my trust.", "The last round gives me hope."] if history[-1] else \
        ["The last round was a warning.", "I remember the last round."]
    return f"{reason}. {rng.choice(tail)}"
