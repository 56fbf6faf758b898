"""Arithmetic with its working: the task where a cut-off thought shows at once.

The working goes column by column from the units, because each step is then a
one-digit fact the model can know. A token limit that ends the working early
leaves no answer, which is exactly what the limit experiments want to show.
"""

import zlib

from .chat import Turn
from .text import vary

PLACES = ["Units", "Tens", "Hundreds", "Thousands", "Ten thousands"]
HELD_OUT_ONE_IN = 40


def is_held_out(a, b):
    """Pairs kept for evaluation, whatever the operation or the order.

    Tiny pairs stay in training: there are too few of them to spare.
    """
    low, high = sorted((a, b))
    if high < 20:
        return False
    return zlib.crc32(f"{low},{high}".encode()) % HELD_OUT_ONE_IN == 0


def operand(rng, digits):
    """A number with this many digits; now and then one with round zeros."""
    low = 10 ** (digits - 1) if digits > 1 else 0
    n = rng.randint(low, 10 ** digits - 1)
    if digits > 1 and rng.random() < 0.05:
        n -= n % 10
    return n


def pair(rng, digits_a, digits_b, held_out=False):
    """Two operands from the asked side of the split."""
    while True:
        a, b = operand(rng, digits_a), operand(rng, digits_b)
        if is_held_out(a, b) == held_out:
            return a, b


def reversed_digits(n, width):
    return " ".join(str(n).zfill(width)[::-1])


def add_steps(a, b):
    """The written sum, one line per column."""
    width = max(len(str(a)), len(str(b)))
    x, y = str(a).zfill(width)[::-1], str(b).zfill(width)[::-1]
    lines = [f"Digits from the right: {' '.join(x)} and {' '.join(y)}."]
    carry = 0
    for place, p, q in zip(PLACES, x, y):
        total = int(p) + int(q) + carry
        extra = " + 1" if carry else ""
        carry = total // 10
        tail = ", carry 1" if carry else ""
        lines.append(f"{place}: {p} + {q}{extra} = {total}, write {total % 10}{tail}.")
    if carry:
        lines.append(f"{PLACES[width]}: write 1.")
    return lines


def subtract_steps(a, b):
    """The written difference for a >= b, borrowing where a column is short."""
    width = len(str(a))
    x, y = str(a)[::-1], str(b).zfill(width)[::-1]
    lines = [f"Digits from the right: {' '.join(x)} and {' '.join(y)}."]
    borrow = 0
    for place, p, q in zip(PLACES, x, y):
        top, extra = int(p), " - 1" if borrow else ""
        short = top - int(q) - borrow < 0
        if short:
            lines.append(f"{place}: {p} - {q}{extra} is too small, borrow: "
                         f"1{p} - {q}{extra} = {top + 10 - int(q) - borrow}, "
                         f"write {top + 10 - int(q) - borrow}.")
        else:
            left = top - int(q) - borrow
            lines.append(f"{place}: {p} - {q}{extra} = {left}, write {left}.")
        borrow = int(short)
    return lines


def multiply_steps(a, b):
    """Small products from the table; longer ones by tens and units."""
    if max(a, b) <= 12:
        return [f"From the times table, {a} times {b} is {a * b}."]
    if a < b:
        a, b = b, a
    tens, units = a - a % 10, a % 10
    if not units:
        return [f"{a // 10} times {b} is {a // 10 * b}, and ten times that is {a * b}."]
    first, second = tens * b, units * b
    return [f"Split {a} into {tens} and {units}.",
            f"{tens} x {b} = {first}.", f"{units} x {b} = {second}.",
            f"{first} + {second} = {a * b}."]


def work(a, op, b):
    """(lines of working, result) for one operation."""
    if op == "+":
        return [f"{a} + {b}, column by column."] + add_steps(a, b), a + b
    if op == "x":
        return [f"{a} x {b}."] + multiply_steps(a, b), a * b
    if a >= b:
        return [f"{a} - {b}, column by column."] + subtract_steps(a, b), a - b
    turned = [f"{b} is larger than {a}, so I take {b} - {a} and put a minus in front."]
    return turned + subtract_steps(b, a), a - b


ASK = {
    "+": ["What is {a} + {b}?", "What is {a} plus {b}?", "{a}+{b}=", "{a} + {b} = ?", "{a} + {b}",
          "Add {a} and {b}.", "[Please compute|Compute|Calculate|Work out|Solve] {a} + {b}.",
          "[How much is|What's] {a} + {b}?", "What is the sum of {a} and {b}?",
          "Can you add {a} and {b}[?| for me?]", "{a} plus {b}", "[Tell|Give] me {a} + {b}."],
    "-": ["What is {a} - {b}?", "What is {a} minus {b}?", "{a}-{b}=", "{a} - {b} = ?", "{a} - {b}",
          "Subtract {b} from {a}.", "[Please compute|Compute|Calculate|Work out|Solve] {a} - {b}.",
          "[How much is|What's] {a} - {b}?", "What is the difference between {a} and {b}?",
          "Take {b} away from {a}.", "{a} minus {b}"],
    "x": ["What is {a} x {b}?", "What is {a} times {b}?", "{a}*{b}=", "{a} x {b} = ?", "{a} * {b}",
          "Multiply {a} by {b}.", "[Please compute|Compute|Calculate|Work out|Solve] {a} x {b}.",
          "[How much is|What's] {a} times {b}?", "What is the product of {a} and {b}?"],
}
BRIEF = " [Answer with the number only.|Just the number, please.|Only give the number.]"


def problem(rng, held_out=False, op=None, digits=None):
    """Operands and operation, weighted towards what the evaluation asks."""
    op = op or rng.choices("+-x", (55, 32, 13))[0]
    if op == "x":
        if rng.random() < 0.6:
            return rng.randint(0, 12), op, rng.randint(0, 12)
        a, b = pair(rng, 2, 1, held_out)
        return (a, op, b) if rng.random() < 0.7 else (b, op, a)
    if digits is None:
        digits = rng.choices((1, 2, 3, 4), (10, 22, 55, 13))[0]
        other = digits if rng.random() < 0.75 else rng.randint(1, digits)
    else:
        other = digits
    a, b = pair(rng, digits, other, held_out)
    if rng.random() < 0.5:
        a, b = b, a
    if op == "-" and a < b and rng.random() < 0.85:
        a, b = b, a
    return a, op, b


def turn_for(rng, a, op, b):
    """A question about these numbers with working and answer."""
    lines, result = work(a, op, b)
    asked = vary(rng, rng.choice(ASK[op]), {"a": a, "b": b})
    answer = f"{a} {op} {b} = {result}"
    if rng.random() < 0.12 and not asked.endswith("="):
        asked, answer = asked + vary(rng, BRIEF), str(result)
    thought = "\n".join(lines + [f"The answer is {result}."])
    return Turn(asked, answer, thought)


def sample(rng):
    """One plain sum, difference or product."""
    return turn_for(rng, *problem(rng))


def follow_up(rng, a, op, b):
    """A first sum and a second that builds on its result."""
    first = turn_for(rng, a, op, b)
    result = work(a, op, b)[1]
    step = rng.randint(1, 99)
    kind = "+" if result < step or rng.random() < 0.6 else "-"
    if result < 0 or is_held_out(result, step):
        return None
    ask = {"+": "[Now add|Add|And now add] {n}[.| to that.| more.]",
           "-": "[Now subtract|Subtract|Now take away] {n}[.| from that.]"}[kind]
    lines, last = work(result, kind, step)
    thought = "\n".join([f"The result before was {result}."] + lines + [f"The answer is {last}."])
    return [first, Turn(vary(rng, ask, {"n": step}), f"{result} {kind} {step} = {last}", thought)]
