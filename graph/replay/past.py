"""Past conversations as a replay sees them: turn by turn, masked, and nothing of them kept.

Names, numbers, addresses and links are masked here, before a draft, a model or a reader gets them
(``ponte.masking``). A turn is what one decision of the ledger answered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from ponte.domain.conversation import Conversation, Trigger
from ponte.domain.decision import HandoffDecision, Outcome
from ponte.domain.message import Author, Message
from ponte.errors import NotFound
from ponte.masking import masked
from ponte.ports import Store

# Of one conversation.
MOST_TURNS: Final = 40
_MOST_MESSAGES: Final = 400
_PAGE: Final = 100
# Many conversations may hold no word that can be replayed; looking ends somewhere.
_LOOKED_AT: Final = 10
_ENDING: Final = "decision"


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One turn as it was.

    Args:
        at: when it was decided, ms UTC.
        customer: what the customer said, written or spoken, masked.
        said: what the bot and the system answered, masked.
        trigger: what brought a human in; None when the bot went on.
        prompt_version: the prompt files that answered.
        left_out: files without words among what the customer sent: a replay cannot show them to a bot.
    """

    at: int
    customer: tuple[str, ...]
    said: tuple[str, ...]
    trigger: Trigger | None
    prompt_version: str
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class PastConversation:
    """One conversation as it was.

    Args:
        number: in the order of the replay, from 1; it stands in the place of every id.
        language: the customer's, as a BCP 47 tag.
        names: what is masked in whatever else is said in it. Never shown.
        turns: those with words, in order.
        cut: whether there were more.
    """

    number: int
    language: str
    names: tuple[str, ...]
    turns: tuple[PastTurn, ...]
    cut: bool = False


async def last_conversations(store: Store, count: int) -> list[PastConversation]:
    """Return the conversations that changed last and in which the customer said something to the bot.

    Args:
        store: read, and not written.
        count: the most; fewer come back where there are no more.
    """
    agents = [agent.name for agent in await store.agents()]
    found: list[PastConversation] = []
    async for conversation in _newest(store, count * _LOOKED_AT):
        past = await _past(store, conversation, len(found) + 1, agents)
        if past is not None:
            found.append(past)
        if len(found) == count:
            break
    return found


async def one_conversation(
    store: Store, conversation_id: str, most_turns: int = MOST_TURNS
) -> PastConversation | None:
    """Return a conversation; None when its customer said nothing to the bot. Raises NotFound.

    Args:
        store: read, and not written.
        conversation_id: which.
        most_turns: the first of them.
    """
    conversation = await store.conversation(conversation_id)
    agents = [agent.name for agent in await store.agents()]
    return await _past(store, conversation, 1, agents, most_turns)


async def _newest(store: Store, most: int) -> AsyncIterator[Conversation]:
    cursor: str | None = None
    looked = 0
    while looked < most:
        page = await store.conversations(status=None, contact_id=None, after=cursor, limit=_PAGE)
        for conversation in page.items:
            yield conversation
        looked += len(page.items)
        cursor = page.next
        if cursor is None:
            return


async def _past(
    store: Store, conversation: Conversation, number: int, agents: Sequence[str], most_turns: int = MOST_TURNS
) -> PastConversation | None:
    """Return a conversation as it was; None when there is nothing in it to replay."""
    decisions = await store.decisions(conversation.id, limit=most_turns + 1)
    if not decisions:
        return None
    try:
        contact = await store.contact(conversation.contact_id)
    except NotFound:
        return None  # erased meanwhile
    names = (contact.name or "", *agents)
    messages = await store.messages(conversation.id, limit=_MOST_MESSAGES)
    turns = [_turn(decision, messages, names) for decision in decisions[:most_turns]]
    kept = tuple(turn for turn in turns if turn.customer)
    if not kept:
        return None
    return PastConversation(number, conversation.language, names, kept, len(decisions) > most_turns)


def _turn(decision: HandoffDecision, messages: Sequence[Message], names: Sequence[str]) -> PastTurn:
    # What a turn says has its id, and so has its decision; see ``graph.transcript.say``.
    turn_id = decision.id.removesuffix(_ENDING)
    asked = [
        message
        for message in messages
        if message.author is Author.CUSTOMER and decision.first_seq <= message.seq <= decision.seq
    ]
    answers = [m.body for m in messages if m.id.startswith(turn_id) and m.author is not Author.CUSTOMER]
    words = [_words(message) for message in asked]
    return PastTurn(
        at=decision.at,
        customer=tuple(masked(said, names) for said in words if said),
        # A voice note and the text beside it say the same.
        said=tuple(dict.fromkeys(masked(body, names) for body in answers if body)),
        trigger=decision.trigger if decision.outcome is Outcome.HUMAN else None,
        prompt_version=decision.prompt_version,
        left_out=words.count(""),
    )


def _words(message: Message) -> str:
    """Return a message's own words, written or spoken."""
    spoken = [m.text for m in message.media if m.text and m.content_type.startswith("audio/")]
    return "\n".join(filter(None, [message.body.strip(), *spoken]))
