"""Conversations, and how they become text.

The template itself lives in `chat_template.jinja`, because the model file
carries it. `render` below writes the same text in Python with one difference:
it returns pieces with a training weight each, so that the loss falls mainly on
what the assistant says. A test holds the two together.
"""

from dataclasses import dataclass, field

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
START, END, TEXT_END = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
EMPTY_THOUGHT = f"{THINK_OPEN}\n\n{THINK_CLOSE}\n\n"

# What a user says is half chance (names, numbers, subjects): learning to predict
# it would be mostly wasted, and leaving it out saves the output layer's work.
PROMPT_WEIGHT = 0.0


@dataclass
class Turn:
    """One question with its answer and the reasoning that led there."""

    user: str
    answer: str
    thought: str


@dataclass
class Conversation:
    """Turns under an optional system message; `kind` is for counting only."""

    turns: list
    kind: str
    system: str = None
    thinking: bool = True
    facts: dict = field(default_factory=dict)

    def messages(self, with_last_answer=True):
        """The form that Transformers and the chat API take."""
        out = [{"role": "system", "content": self.system}] if self.system else []
        for i, turn in enumerate(self.turns):
            out.append({"role": "user", "content": turn.user})
            if i + 1 < len(self.turns):
                out.append({"role": "assistant", "content": turn.answer})
            elif with_last_answer:
                out.append({"role": "assistant", "content": turn.answer,
                            "reasoning_content": turn.thought})
        return out


@dataclass
class PlainText:
    """A text without a chat around it, for programs that complete raw prompts."""

    text: str
    kind: str = "plain"


def message(role, content):
    return f"{START}{role}\n{content}{END}\n"


def prompt_text(conversation):
    """Everything up to the point where the model starts to write."""
    out = [message("system", conversation.system)] if conversation.system else []
    for turn in conversation.turns[:-1]:
        out += [message("user", turn.user), message("assistant", turn.answer)]
    out.append(message("user", conversation.turns[-1].user))
    out.append(f"{START}assistant\n")
    if not conversation.thinking:
        out.append(EMPTY_THOUGHT)
    return "".join(out)


def reply_text(conversation):
    """What the model should write after `prompt_text`, its end mark included."""
    last = conversation.turns[-1]
    thought = f"{THINK_OPEN}\n{last.thought}\n{THINK_CLOSE}\n\n" if conversation.thinking else ""
    return f"{thought}{last.answer}{END}"


def render(document):
    """Pieces of (text, weight) for one training document.

    Earlier assistant turns carry no weight beyond the prompt's: they appear
    without their thoughts, and learning to write them would teach the model
    to skip thinking.
    """
    if isinstance(document, PlainText):
        return [(document.text, 1.0), (TEXT_END, 1.0)]
    return [(prompt_text(document), PROMPT_WEIGHT), (reply_text(document), 1.0), ("\n", 0.0)]
