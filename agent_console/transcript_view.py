"""Turn messages into the plain values that the transcript's component draws. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_console.board import Board, Opened
from agent_console.files import files
from agent_console.i18n import Catalogue
from agent_console.particulars import particulars
from agent_console.rules import allowed
from agent_console.view import agent_name, same_language, spoken
from ponte.answers import ORIGINAL
from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.message import Author, Kind, Message, MessageStatus
from ponte.domain.twilio_errors import words_for

if TYPE_CHECKING:
    from agent_console.view import Plain

_WORDS: Final = (
    "transcript.",
    "file.",
    "translate.",
    "write.",
    "delivery.retry",
    "delivery.withdraw",
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads which conversation.

    Args:
        agent: who.
        agents: everybody who logs in, by id.
        conversation: which.
        contact: its customer.
        say: the agent's words.
    """

    agent: Agent
    agents: Mapping[str, Agent]
    conversation: Conversation
    contact: Contact
    say: Catalogue

    def drawn(self, messages: Sequence[Message], quoted: Sequence[Message]) -> list[Plain]:
        """Return messages as the component draws them; ``quoted`` are others that these may quote."""
        opted_out = self.contact.opted_out_at is not None
        rules = allowed(self.agent, self.conversation, colleagues=0, opted_out=opted_out)
        among = (*messages, *quoted)
        return [self._message(message, among, may_retry=rules.reply is None) for message in messages]

    def _message(self, message: Message, among: Sequence[Message], *, may_retry: bool) -> dict[str, Plain]:
        say, kind = self.say, message.kind
        failed = message.status is MessageStatus.FAILED
        outbound = message.author is not Author.CUSTOMER and kind is not Kind.NOTE
        version = message.prompt_version
        return {
            "id": message.id,
            "seq": message.seq,
            "author": message.author.value,
            "kind": kind.value,
            "who": self._speaker(message),
            "body": message.body,
            "label": None if kind is Kind.TEXT else say(f"kind.{kind}"),
            "particulars": dict(particulars(message, among, say)),
            "files": [*files(message, say)],
            "at": message.created_at,
            "foreign": self._foreign(message),
            "original": dict(message.details).get(ORIGINAL),
            "sources": dict(message.details).get("sources"),
            "status": message.status.value,
            "tick": say(f"delivery.{message.status}") if outbound else None,
            "error": _failure(message.error_code, say) if failed else None,
            "retry": failed and may_retry and message.author is Author.AGENT,
            "withdraw": message.status is MessageStatus.PARKED and may_retry,
            "prompt": say("transcript.prompt", version=version) if version else None,
        }

    def _foreign(self, message: Message) -> bool:
        """Tell whether a customer's message has words in another language than the agent's."""
        if message.author is not Author.CUSTOMER:
            return False
        if same_language(spoken(self.conversation, self.contact), self.say.locale):
            return False
        return bool(message.body) or any(media.text for media in message.media)

    def _speaker(self, message: Message) -> str | None:
        """Customers need no name above their bubbles: there is one a conversation."""
        if message.author is Author.CUSTOMER:
            return None
        if message.author is Author.AGENT:
            if message.agent_id == self.agent.id:
                return self.say("author.you")
            return agent_name(self.agents, message.agent_id, self.say)
        return self.say(f"author.{message.author}")


def transcript(
    board: Board, opened: Opened, say: Catalogue, *, aid: bool = False, at: dict[str, Plain] | None = None
) -> dict[str, Plain]:
    """Return what the transcript component draws.

    Args:
        board: what was read.
        opened: the open conversation.
        say: the words.
        aid: there is a model to translate.
        at: the message to show, as ``{seq, n}``; another ``n`` is another wish.
    """
    reader = Reader(board.agent, board.agents, opened.conversation, opened.contact, say)
    return {
        "me": board.agent.id,
        "no_aid": not aid,
        "locale": say.locale,
        "now": board.now,
        "conversation": opened.conversation.id,
        "messages": reader.drawn(opened.messages, opened.quoted),
        "at": at,
        "texts": dict(say.part(*_WORDS)),
    }


def _failure(code: int | None, say: Catalogue) -> str:
    if code is None:
        return say("error.unknown")
    return words_for(code, say.locale) or say("error.other", code=code)
