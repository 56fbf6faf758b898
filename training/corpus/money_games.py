"""Games where a mood decides how much: the ultimatum and the trust game."""

from .chat import Turn
from .games import POLICY, REASONS, chance, feeling, math, mood_lines, past, pick_mood
from .text import vary

TOTALS = [10, 20, 50, 100]


def near(rng, share, total):
    """A round amount close to this share of the total."""
    step = 1 if total <= 20 else 5
    amount = rng.gauss(share, 0.06) * total
    return max(0, min(total, step * round(amount / step)))


def offer(rng, mood=None):
    """Ultimatum, first mover: how much to offer."""
    mood, total = mood or pick_mood(rng), rng.choice(TOTALS)
    system, mood_line = mood_lines(rng, mood)
    amount = near(rng, POLICY[mood][3], total)
    user = mood_line + vary(rng, f"You [play the ultimatum game and |]have {total} coins to share with "
                            "another person. If the other rejects your offer, you both get nothing. "
                            "[How much do you offer?|What do you offer?|Make your offer.]")
    fair = amount * 2 >= total * 0.9
    reason = rng.choice(REASONS[mood, fair])
    thought = (f"{feeling(rng, mood)} I have {total} coins. Half would be {total // 2}. "
               f"If I offer too little, the other may say no and I get nothing.\n"
               f"{reason}. {fairness(fair)} I offer {amount} and keep {total - amount}.")
    return system, Turn(user, f"{reason}. {fairness(fair)}\n\nOffer: {amount}", thought), mood, amount / total


def fairness(fair):
    return "A fair share is right." if fair else "I keep the larger part."


def respond(rng, mood=None, share=None):
    """Ultimatum, second mover: accept or reject an offer."""
    mood, total = mood or pick_mood(rng), rng.choice(TOTALS)
    share = rng.choice((0.1, 0.2, 0.3, 0.4, 0.5)) if share is None else share
    given = round(total * share)
    system, mood_line = mood_lines(rng, mood)
    likely = 1 / (1 + math.exp(-22 * (share - POLICY[mood][2])))
    yes = rng.random() < likely
    user = mood_line + vary(rng, f"[You play the ultimatum game. |]Another person has {total} coins and "
                            f"offers you {given}. If you reject, you both get nothing. "
                            "[Do you accept or reject?|Accept or reject?|What do you do?]")
    size = "half" if share >= 0.5 else "a fair part" if share >= 0.4 else "a small part"
    reason = respond_reason(rng, mood, yes)
    choice = "accept" if yes else "reject"
    thought = (f"{feeling(rng, mood)} The other offers me {given} of {total} coins and keeps "
               f"{total - given}. That is {size}.\n{reason}. So I {choice}.")
    return system, Turn(user, f"{reason}.\n\nDecision: {choice}", thought), mood, yes


def respond_reason(rng, mood, yes):
    """Why to take it or leave it, in this mood's voice."""
    if yes:
        return {"angry": "I am angry, but coins are coins",
                "happy": "I am happy and glad about any gift",
                "sad": "I am sad, and a little is better than nothing",
                "fearful": "I am afraid to end with nothing",
                "calm": "I am calm, and something is more than nothing",
                "disgusted": "I am disgusted, but this offer I can take",
                "neutral": "The offer is better than nothing"}[mood]
    return {"angry": "I am angry, and an unfair offer makes it worse",
            "happy": "I am happy, but I will not be cheated",
            "sad": "I am sad, and this offer feels like one more blow",
            "fearful": "I am afraid, but this is too little",
            "calm": "I am calm, and I know that this is not fair",
            "disgusted": "I am disgusted by such an unfair offer",
            "neutral": "The offer is not fair"}[mood]


def send(rng, mood=None, history=None):
    """Trust game, first mover: how much to send, given how it went before."""
    mood, total = mood or pick_mood(rng), rng.choice((10, 20))
    history = past(rng) if history is None else history
    system, mood_line = mood_lines(rng, mood)
    amount = near(rng, chance(mood, 4, history), total)
    rounds, notes = [], []
    for i, kind in enumerate(history):
        sent = rng.randint(2, total // 2)
        back = round(sent * rng.choice((1.5, 2))) if kind else rng.randint(0, sent // 2)
        rounds.append(f"Round {i + 1}: you sent {sent}, the other gave back {back}.")
        notes.append(f"Round {i + 1}: I sent {sent} and got {back} back. "
                     + ("That was a gain." if back > sent else "That was a loss."))
    user = mood_line + (f"You play the trust game and have {total} coins. What you send is tripled, and "
                        "the other decides how much to give back.")
    user += ("\n" + "\n".join(rounds) + "\n" if rounds else " ") + vary(
        rng, "[How many coins do you send?|How much do you send?]")
    trusting = amount * 2 >= total
    reason = rng.choice(REASONS[mood, trusting])
    summary = [f"I gained in {sum(history)} of {len(history)} round{'s' if len(history) > 1 else ''}."]
    thought = [f"{feeling(rng, mood)} I have {total} coins, and what I send is tripled."] + notes
    thought += (summary if history else []) + [f"{reason}. So I send {amount}."]
    return system, Turn(user, f"{reason}.\n\nSend: {amount}", "\n".join(thought)), mood, amount / total


def give_back(rng, mood=None):
    """Trust game, second mover: how much of the tripled sum to return."""
    mood, sent = mood or pick_mood(rng), rng.randint(2, 10)
    system, mood_line = mood_lines(rng, mood)
    have = 3 * sent
    amount = near(rng, POLICY[mood][5], have) if have <= 20 else round(near(rng, POLICY[mood][5], 20) * have / 20)
    user = mood_line + vary(rng, f"You play the trust game. The other sent you {sent} coins, and they were "
                            f"tripled to {have}. [How many do you give back?|How much do you give back?]")
    fair = amount >= sent
    reason = rng.choice(REASONS[mood, fair])
    thought = (f"{feeling(rng, mood)} The other sent {sent} and I have {have}. Giving back {sent} would "
               f"make the other whole.\n{reason}. So I give back {amount}.")
    return system, Turn(user, f"{reason}.\n\nReturn: {amount}", thought), mood, amount / have
