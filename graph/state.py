"""The state of one thread, and the values that go into a run and come out of it.

The state holds plain strings, numbers, lists and dicts only, all bounded: a checkpoint costs the same at
message 5 and at message 5,000, and reading one back can construct nothing (see ``graph.builder``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict

from ponte.domain.conversation import ResumeAction, Trigger
from ponte.domain.decision import Figures
from ponte.domain.message import Author, Details, Kind, Media


def clean(text: str) -> str:
    """Return ``text`` without lone surrogates, which no UTF-8 encoder takes.

    A pair of surrogates becomes the character it stands for; a lone one becomes U+FFFD. They come from
    JSON escapes such as ``d800`` and from text cut in the middle of an emoji.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@dataclass(frozen=True, slots=True)
class InboundItem:
    """One message of the customer, as a turn sees it.

    Args:
        id: the transcript's message id.
        kind: what it is.
        body: the text; empty for pure media.
        media: the files that came with it, fetched where they could be.
        details: what it carries beside its body, by name.
        reply_text: the text of the message that it quotes; empty when it quotes none that is known.
    """

    id: str
    kind: Kind = Kind.TEXT
    body: str = ""
    media: tuple[Media, ...] = ()
    details: Details = ()
    reply_text: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text or file for the customer.

    Args:
        body: the text; empty for a file.
        author: who speaks.
        details: the answers that it offers, what it rests on.
        file: one of the knowledge base's; None for a text.
    """

    body: str
    author: Literal[Author.BOT, Author.SYSTEM]
    details: Details = ()
    file: Media | None = None


@dataclass(frozen=True, slots=True)
class TurnHandoff:
    """Why a turn brings a human in.

    Args:
        reason: one sentence for the agent.
        trigger: what decided it.
        score: the decision's confidence, 0 to 1.
        summary: what the customer wants and what the bot already said.
        thresholds: what its own score was held against, for the ledger; none for a wish for a human.
        phrase: the phrase of our own lists that was found; None when none decided.
    """

    reason: str
    trigger: Trigger
    score: float
    summary: str
    thresholds: Figures = ()
    phrase: str | None = None


class StretchLine(BaseModel):
    """One message of a human stretch."""

    model_config = ConfigDict(frozen=True)

    author: Author
    text: str


class ResumeAnswer(BaseModel):
    """How a human stretch ended: the answer to the interrupt.

    Args:
        action: returned to the bot, or resolved.
        brief: what the agent wants the bot to know.
        stretch: the last messages of the stretch, oldest first.
        turn_id: set by ``graph.turn.run_turn``: the turn that ends the stretch, so that a replay sees it.
        memory: set by ``graph.turn.run_turn``: the contact's memory so far.
    """

    model_config = ConfigDict(frozen=True)

    action: ResumeAction = ResumeAction.RETURNED
    brief: str = ""
    stretch: tuple[StretchLine, ...] = ()
    turn_id: str = ""
    memory: str = ""


class MediaRecord(TypedDict, total=False):
    """A ``Media`` as the state keeps it: what names the file and what is known of it, never its bytes.

    ``url`` stays outside: nothing in the graph may fetch it.
    """

    content_type: str
    key: str | None
    size: int | None
    name: str | None
    text: str | None
    language: str | None
    confidence: float | None
    duration_ms: int | None
    error: str | None


class InboundRecord(TypedDict):
    """An ``InboundItem`` as the state keeps it during a turn.

    Args:
        id: the transcript's message id.
        kind: what it is.
        body: the customer's own words.
        media: the files that came with it.
        beside: what it carries beside the words, as JSON objects; see ``graph.customer_text``.
    """

    id: str
    kind: str
    body: str
    media: list[MediaRecord]
    beside: NotRequired[list[str]]


class OutgoingRecord(TypedDict):
    """An ``Outgoing`` as the state keeps it."""

    body: str
    author: str
    details: NotRequired[list[list[str]]]
    file: NotRequired[MediaRecord]


class DecisionRecord(TypedDict):
    """A ``TurnHandoff`` as the state keeps it."""

    reason: str
    trigger: str
    score: float
    summary: str
    thresholds: NotRequired[dict[str, float]]
    phrase: NotRequired[str]


class AskedRecord(TypedDict):
    """What a turn asked, for comparison with later ones; see ``graph.repeats``."""

    id: str
    question: str


class TurnRecord(TypedDict):
    """One turn in the window of recent ones: what the customer wrote, what the bot answered."""

    id: str
    customer: str
    bot: str


class State(TypedDict, total=False):
    """The state of a thread.

    Args:
        turn_id: the newest turn's id; a turn's records below belong to it.
        inbound: the customer's messages of this turn; empty once the turn is over.
        memory: the contact's memory from earlier conversations.
        language: the customer's, as one of Ponte's locales.
        text: what the customer said in this turn, in writing or aloud; empty once the turn is over.
        attachments: what this turn's files hold, as JSON objects: data beside the customer's words.
        understood: by message id, this turn's files with what was heard or read in them.
        ask_repeat: nothing could be heard in this turn; the customer is asked to say it again.
        unheard: turns in a row in which nothing could be heard.
        unread: turns in a row with files that the bot cannot read.
        cannot_open: this turn has such files, and yet no human is brought in for them.
        unsure: the local classifier could not tell whether a human is wanted.
        leaning: what it decided nonetheless, should the model not tell.
        unsure_score: the local classifier's score, whatever decided; None where it did not score this turn.
        thresholds: what it was held against, by name.
        outgoing: what this turn says to the customer.
        decision: why this turn brings a human in; None when it does not.
        model_failed: the model did not answer in this turn.
        prompt_version: the prompt files that this turn was run with.
        answered: whether this turn's answer answers the question; False: it says that the bot cannot.
        judged: the model's own score, where it was asked.
        unanswered: turns in a row that the bot could not answer.
        attached: the keys of the files that went out in this conversation.
        asked: the last questions, oldest first.
        window: the recent turns, oldest first.
        summary: what the turns before the window were about.
        brief: what the bot must know of the last human stretch.
        answer: the answer to the interrupt, on its way to ``take_back``.
        resumed_turn: the turn that ended the last human stretch.
        resolved_memory: the contact's new memory, when that stretch ended resolved.
    """

    turn_id: str
    inbound: list[InboundRecord]
    memory: str
    language: str
    text: str
    attachments: list[str]
    understood: dict[str, list[MediaRecord]]
    ask_repeat: bool
    unheard: int
    unread: int
    cannot_open: bool
    unsure: bool
    leaning: bool
    unsure_score: float | None
    thresholds: dict[str, float]
    outgoing: list[OutgoingRecord]
    decision: DecisionRecord | None
    model_failed: bool
    prompt_version: str
    answered: bool
    judged: float | None
    unanswered: int
    attached: list[str]
    asked: list[AskedRecord]
    window: list[TurnRecord]
    summary: str
    brief: str
    answer: dict[str, object] | None
    resumed_turn: str
    resolved_memory: str | None
