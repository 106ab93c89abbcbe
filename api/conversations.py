"""The agents' side of conversations: see them, claim, answer, pass on, give back, close."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query

from api.context import CallerDep, PonteDep, ReaderDep
from api.documented import errors
from api.schemas import (
    ConversationOut,
    ConversationPage,
    MessageOut,
    MessagePage,
    NoteIn,
    ReplyIn,
    ResolveIn,
    ReturnIn,
    TransferIn,
)
from api.views import conversation_out, conversations_out, messages_out
from ponte.domain.choices import Choice
from ponte.domain.conversation import Status
from ponte.errors import NotFound, WrongState
from ponte.ports import Store

# The largest integer that every client and both databases can hold.
_MAX_SEQ: Final = 2**53 - 1

router = APIRouter(prefix="/v1", tags=["Conversations"], responses=errors(400, 401, 403, 413, 422, 503))

ConversationId = Annotated[str, Path(max_length=200, description="The conversation.", examples=["cv_77d0"])]
MessageId = Annotated[str, Path(max_length=300, description="The message.")]
Limit = Annotated[int, Query(ge=1, le=200, description="The most items.")]


@router.get("/conversations")
async def list_conversations(  # noqa: PLR0917 - FastAPI passes them by name
    _caller: ReaderDep,
    ponte: PonteDep,
    status: Annotated[Status | None, Query(description="Only those in this status.")] = None,
    contact: Annotated[
        str | None,
        Query(max_length=200, description="Only those of this contact: its id, WhatsApp id or address."),
    ] = None,
    agent: Annotated[
        str | None, Query(max_length=320, description="Only those that this agent holds: id or e-mail.")
    ] = None,
    label: Annotated[str | None, Query(max_length=200, description="Only those with this label.")] = None,
    language: Annotated[str | None, Query(max_length=35, description="Only those in this language.")] = None,
    priority: Annotated[int | None, Query(ge=0, le=2, description="Only those of this priority.")] = None,
    snoozed: Annotated[bool, Query(description="Only those that are put off.")] = False,  # noqa: FBT002 - FastAPI passes it by name
    after: Annotated[str | None, Query(max_length=500, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> ConversationPage:
    """List conversations: the latest changed first.

    Those awaiting an agent, and an agent's own, come the most urgent first: by priority, then by how long the
    customer waits or how soon the 24-hour window closes. Snoozed ones are in their own list only.
    """
    contact_id = None
    if contact is not None:
        contact_id = await _contact_id(ponte.store, contact)
        if contact_id is None:
            return ConversationPage(items=[], next=None)
    page = await ponte.store.conversations(
        status=status,
        contact_id=contact_id,
        after=after,
        limit=limit,
        agent_id=None if agent is None else await _agent_id(ponte.store, agent),
        label=label,
        language=language,
        priority=priority,
        snoozed=snoozed,
    )
    return ConversationPage(items=await conversations_out(ponte.store, page.items), next=page.next)


@router.get("/conversations/{conversation_id}", responses=errors(404))
async def get_conversation(
    conversation_id: ConversationId, _caller: ReaderDep, ponte: PonteDep
) -> ConversationOut:
    """Show one conversation."""
    return await conversation_out(ponte.store, await ponte.store.conversation(conversation_id))


@router.get("/conversations/{conversation_id}/messages", responses=errors(404))
async def list_messages(  # noqa: PLR0917 - FastAPI passes them by name
    conversation_id: ConversationId,
    caller: ReaderDep,
    ponte: PonteDep,
    after: Annotated[int, Query(ge=0, le=_MAX_SEQ, description="Only messages after this seq.")] = 0,
    before: Annotated[
        int | None,
        Query(ge=1, le=_MAX_SEQ, description="Only messages before this seq, and the newest of them."),
    ] = None,
    limit: Limit = 50,
) -> MessagePage:
    """Read the transcript, in order of seq. What the holder of the conversation reads counts as seen."""
    await ponte.store.conversation(conversation_id)
    wanted = limit if before is not None else limit + 1
    found = await ponte.store.messages(conversation_id, after=after, before=before, limit=wanted)
    messages = found[:limit]
    if messages:
        await ponte.desk.seen(caller.agent, conversation_id, messages[-1].seq)
    more = len(found) > limit
    return MessagePage(
        items=await messages_out(ponte.store, messages), next=str(messages[-1].seq) if more else None
    )


@router.post("/conversations/{conversation_id}/claim", responses=errors(404, 409))
async def claim(conversation_id: ConversationId, caller: CallerDep, ponte: PonteDep) -> ConversationOut:
    """Take a waiting conversation: the bot is silent from now on.

    Of several claims one wins; the others get 409 with `holder`. A claim repeated by the holder is fine.
    """
    return await conversation_out(ponte.store, await ponte.desk.claim(caller.agent, conversation_id))


@router.post("/conversations/{conversation_id}/reply", status_code=201, responses=errors(404, 409))
async def reply(
    conversation_id: ConversationId,
    text: ReplyIn,
    caller: CallerDep,
    ponte: PonteDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern="^[A-Za-z0-9_-]{1,64}$",
            description="The caller's own name for this reply: a second call with it sends nothing.",
        ),
    ] = None,
) -> MessagePage:
    """Answer the customer on WhatsApp. Returns the messages that were queued.

    Only the holder may. While WhatsApp's 24-hour window is closed the messages are `parked`: they go out when
    the customer writes again.
    """
    written = await ponte.desk.reply(
        caller.agent,
        conversation_id,
        text.body,
        key=idempotency_key,
        voice=text.voice,
        choices=[Choice(c.id, c.title) for c in text.choices],
        original=text.original,
    )
    return MessagePage(items=await messages_out(ponte.store, written), next=None)


@router.post("/conversations/{conversation_id}/note", status_code=201, responses=errors(404, 409))
async def note(
    conversation_id: ConversationId, text: NoteIn, caller: CallerDep, ponte: PonteDep
) -> MessageOut:
    """Leave a note in the transcript that only agents see."""
    written = await ponte.desk.note(caller.agent, conversation_id, text.body)
    return (await messages_out(ponte.store, [written]))[0]


@router.post("/conversations/{conversation_id}/transfer", responses=errors(404, 409))
async def transfer(
    conversation_id: ConversationId, target: TransferIn, caller: CallerDep, ponte: PonteDep
) -> ConversationOut:
    """Give the conversation to another agent, or back to the queue."""
    agent_id = None if target.agent is None else await _agent_id(ponte.store, target.agent)
    moved = await ponte.desk.transfer(caller.agent, conversation_id, to_agent_id=agent_id, note=target.note)
    return await conversation_out(ponte.store, moved)


@router.post("/conversations/{conversation_id}/return", responses=errors(404, 409))
async def return_to_bot(
    conversation_id: ConversationId, caller: CallerDep, ponte: PonteDep, words: ReturnIn | None = None
) -> ConversationOut:
    """Give the conversation back to the bot. It answers what no agent has seen."""
    brief = words.brief if words else ""
    return await conversation_out(
        ponte.store, await ponte.desk.return_to_bot(caller.agent, conversation_id, brief)
    )


@router.post("/conversations/{conversation_id}/resolve", responses=errors(404, 409))
async def resolve(
    conversation_id: ConversationId, caller: CallerDep, ponte: PonteDep, filing: ResolveIn | None = None
) -> ConversationOut:
    """Close the matter. The customer's next message opens a new conversation."""
    disposition = filing.disposition if filing else None
    return await conversation_out(
        ponte.store, await ponte.desk.resolve(caller.agent, conversation_id, disposition)
    )


@router.post("/messages/{message_id}/retry", responses=errors(404, 409))
async def retry(message_id: MessageId, caller: CallerDep, ponte: PonteDep) -> MessageOut:
    """Send a message that failed once more."""
    if not await ponte.desk.retry(caller.agent, message_id):
        raise WrongState("The message has not failed, so there is nothing to send again.")
    return (await messages_out(ponte.store, [await ponte.store.message(message_id)]))[0]


async def _agent_id(store: Store, id_or_email: str) -> str:
    if "@" not in id_or_email:
        return id_or_email
    agent = await store.agent_by_email(id_or_email.strip().lower())
    if agent is None:
        raise NotFound("There is no agent with that e-mail. GET /v1/agents lists them.")
    return agent.id


async def _contact_id(store: Store, wanted: str) -> str | None:
    """Find a contact by its id, its WhatsApp id, its Twilio address, or its number."""
    wanted = wanted.strip()
    # A plus sign that was not percent-encoded arrives as a space.
    spoken = wanted.removeprefix("whatsapp:").strip()
    digits = spoken.removeprefix("+")
    candidates = [wanted, f"whatsapp:{spoken}"]
    if digits.isascii() and digits.isdigit():
        candidates += [f"whatsapp:+{digits}", digits]
    if wanted in await store.contacts([wanted]):
        return wanted
    for candidate in dict.fromkeys(candidates):
        contact = await store.find_contact(candidate)
        if contact is not None:
            return contact.id
    return None
