"""From the domain's values to the API's JSON, reading contacts and agents once for a whole list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from api.schemas import (
    AgentOut,
    ChangeOut,
    ColleagueOut,
    ContactOut,
    ConversationOut,
    HandoffOut,
    MediaOut,
    MessageOut,
)
from ponte.domain.agent import Agent
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Handoff
from ponte.domain.message import Media, Message
from ponte.domain.window import window_expires_at
from ponte.errors import NotFound
from ponte.ports import Store

Names = Mapping[str, str]


def moment(ms: int) -> str:
    """Write ms since the epoch as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def agent_names(store: Store, wanted: Iterable[str | None]) -> Names:
    """Return the names of agents by id; asks the store only when there is somebody to name."""
    if not any(wanted):
        return {}
    return {agent.id: agent.name for agent in await store.agents()}


async def conversations_out(store: Store, conversations: Sequence[Conversation]) -> list[ConversationOut]:
    """Describe conversations, in order.

    Raises:
        NotFound: a conversation's contact was erased meanwhile.
    """
    contacts = await store.contacts(list({c.contact_id for c in conversations})) if conversations else {}
    names = await agent_names(store, [c.agent_id for c in conversations])
    return [_conversation_out(c, _contact(contacts, c.contact_id), names) for c in conversations]


async def conversation_out(store: Store, conversation: Conversation) -> ConversationOut:
    """Describe one conversation. Raises NotFound when its contact was erased meanwhile."""
    return (await conversations_out(store, [conversation]))[0]


async def messages_out(store: Store, messages: Sequence[Message]) -> list[MessageOut]:
    """Describe messages, in order."""
    names = await agent_names(store, [m.agent_id for m in messages])
    return [_message_out(message, names) for message in messages]


def colleague_out(agent: Agent) -> ColleagueOut:
    """Describe an agent to a colleague."""
    return ColleagueOut(id=agent.id, name=agent.name, email=agent.email, role=agent.role)


def contact_out(contact: Contact) -> ContactOut:
    """Describe a customer."""
    return ContactOut(
        id=contact.id,
        wa_id=contact.wa_id,
        name=contact.name,
        opted_out_at=_moment(contact.opted_out_at),
    )


def change_out(conversation: Conversation, names: Names) -> ChangeOut:
    """Describe a changed conversation for the event stream."""
    return ChangeOut(
        id=conversation.id,
        contact_id=conversation.contact_id,
        status=conversation.status,
        agent=_agent_out(conversation.agent_id, names),
        unread=conversation.unread,
        waiting_since=_moment(conversation.waiting_since),
        last_seq=conversation.last_seq,
        updated_at=moment(conversation.updated_at),
        version=conversation.version,
    )


def _conversation_out(conversation: Conversation, contact: Contact, names: Names) -> ConversationOut:
    return ConversationOut(
        id=conversation.id,
        status=conversation.status,
        contact=contact_out(contact),
        agent=_agent_out(conversation.agent_id, names),
        waiting_since=_moment(conversation.waiting_since),
        window_expires_at=_moment(window_expires_at(contact.last_inbound_at)),
        handoff=_handoff_out(conversation.handoff),
        unread=conversation.unread,
        language=conversation.language,
        preview=conversation.preview,
        last_seq=conversation.last_seq,
        opened_at=moment(conversation.opened_at),
        updated_at=moment(conversation.updated_at),
        resolved_at=_moment(conversation.resolved_at),
        disposition=conversation.disposition,
        csat=conversation.csat,
        csat_at=_moment(conversation.csat_at),
        labels=list(conversation.labels),
        priority=conversation.priority,
        snoozed_until=_moment(conversation.snoozed_until),
        reopened=conversation.reopened,
        unanswered_since=_moment(conversation.unanswered_since),
        version=conversation.version,
    )


def _message_out(message: Message, names: Names) -> MessageOut:
    return MessageOut(
        id=message.id,
        seq=message.seq,
        author=message.author,
        kind=message.kind,
        body=message.body,
        details=dict(message.details),
        reply_to=message.reply_to,
        # Twilio's address of a file needs the account's secret, so it is of no use to an agent.
        media=[_media_out(message.id, n, media) for n, media in enumerate(message.media)],
        status=message.status,
        created_at=moment(message.created_at),
        prompt_version=message.prompt_version,
        agent=_agent_out(message.agent_id, names),
        error_code=message.error_code,
    )


def _media_out(message_id: str, number: int, media: Media) -> MediaOut:
    return MediaOut(
        content_type=media.content_type,
        url=f"/v1/messages/{quote(message_id, safe='')}/media/{number}" if media.key else None,
        size=media.size,
        name=media.name,
        text=media.text,
        language=media.language,
        confidence=media.confidence,
        duration_ms=media.duration_ms,
        error=media.error,
    )


def _handoff_out(handoff: Handoff | None) -> HandoffOut | None:
    if handoff is None:
        return None
    return HandoffOut(
        reason=handoff.reason,
        trigger=handoff.trigger,
        score=handoff.score,
        summary=handoff.summary,
        at=moment(handoff.at),
    )


def _agent_out(agent_id: str | None, names: Names) -> AgentOut | None:
    return None if agent_id is None else AgentOut(id=agent_id, name=names.get(agent_id))


def _contact(contacts: Mapping[str, Contact], contact_id: str) -> Contact:
    try:
        return contacts[contact_id]
    except KeyError:
        raise NotFound(f"There is no contact {contact_id}.") from None


def _moment(ms: int | None) -> str | None:
    return None if ms is None else moment(ms)
