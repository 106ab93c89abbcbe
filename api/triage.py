"""The agents' side of their queue: labels, priority, snooze, reopen, the next one, search, who is here."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.context import Caller, CallerDep, PonteDep, ReaderDep
from api.documented import errors
from api.schemas import AgentOut, ConversationOut, MessageOut, Moment
from api.views import conversation_out, conversations_out, messages_out, moment
from ponte.domain.presence import Present
from ponte.domain.searching import excerpt, joined_text, query_of
from ponte.ports import Hit

router = APIRouter(prefix="/v1", tags=["Queue"], responses=errors(400, 401, 403, 413, 422, 503))

ConversationId = Annotated[str, Path(max_length=200, description="The conversation.", examples=["cv_77d0"])]
Label = Annotated[str, Field(max_length=200)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LabelsIn(_In):
    """Which labels come and go."""

    add: list[Label] = Field(
        default_factory=list, max_length=20, description="At most 40 characters each.", examples=[["vip"]]
    )
    remove: list[Label] = Field(default_factory=list, max_length=20, description="To take off.")


class PriorityIn(_In):
    """How urgent it is."""

    priority: int = Field(ge=0, le=2, description="0 normal, 1 high, 2 urgent.")


class SnoozeIn(_In):
    """Until when it is put off."""

    until: AwareDatetime | None = Field(
        description="A moment in the future, at most 90 days away; null takes it back at once."
    )


class PresenceIn(_In):
    """What the caller's program shows."""

    conversation: str | None = Field(
        None, max_length=200, description="The conversation before the agent's eyes; null when there is none."
    )
    typing: bool = Field(default=False, description="Whether they type in it. Counts for 6 s.")


class PresentOut(BaseModel):
    """An agent who is here."""

    agent: AgentOut = Field(description="Who.")
    since: Moment = Field(description="Since when.")
    looking: list[str] = Field(description="The conversations before their eyes.")
    typing: list[str] = Field(description="Those in which they type.")


class PresencePage(BaseModel):
    """All agents who are here."""

    items: list[PresentOut] = Field(description="By name.")
    next: str | None = Field(None, description="Always null: there is one page.")


class HitOut(BaseModel):
    """What a search found."""

    conversation: ConversationOut = Field(description="The message's, or the customer's newest one.")
    message: MessageOut | None = Field(description="Null where the customer's name or number was found.")
    excerpt: str = Field(description="The text around the first word that was found.")
    marks: list[tuple[int, int]] = Field(
        description="Where in `excerpt` the words are: from, and up to, counted in characters from 0."
    )


class HitPage(BaseModel):
    """One page of what a search found."""

    items: list[HitOut] = Field(description="Customers first, then messages, the newest first.")
    next: str | None = Field(description="Pass it as `after` for the next page; null on the last.")


@router.post("/conversations/{conversation_id}/labels", responses=errors(404, 409))
async def label(
    conversation_id: ConversationId, labels: LabelsIn, caller: CallerDep, ponte: PonteDep
) -> ConversationOut:
    """Put labels on a conversation and take others off, whoever holds it."""
    changed = await ponte.triage.label(caller.agent, conversation_id, add=labels.add, remove=labels.remove)
    return await conversation_out(ponte.store, changed)


@router.post("/conversations/{conversation_id}/priority", responses=errors(404, 409))
async def prioritise(
    conversation_id: ConversationId, wanted: PriorityIn, caller: CallerDep, ponte: PonteDep
) -> ConversationOut:
    """Say how urgent a conversation is, whoever holds it."""
    changed = await ponte.triage.prioritise(caller.agent, conversation_id, wanted.priority)
    return await conversation_out(ponte.store, changed)


@router.post("/conversations/{conversation_id}/snooze", responses=errors(404, 409))
async def snooze(
    conversation_id: ConversationId, wanted: SnoozeIn, caller: CallerDep, ponte: PonteDep
) -> ConversationOut:
    """Put a conversation off. It comes back by itself then, or as soon as the customer writes."""
    until = None if wanted.until is None else round(wanted.until.timestamp() * 1000)
    changed = await ponte.triage.snooze(caller.agent, conversation_id, until)
    return await conversation_out(ponte.store, changed)


@router.post("/conversations/{conversation_id}/reopen", responses=errors(404, 409))
async def reopen(conversation_id: ConversationId, caller: CallerDep, ponte: PonteDep) -> ConversationOut:
    """Open a resolved conversation again, as its holder. Only the customer's newest one."""
    return await conversation_out(ponte.store, await ponte.triage.reopen(caller.agent, conversation_id))


@router.post(
    "/claim-next",
    response_model=ConversationOut,
    responses={**errors(409), 204: {"description": "Nobody waits for an agent."}},
)
async def claim_next(caller: CallerDep, ponte: PonteDep) -> ConversationOut | Response:
    """Take the most urgent conversation that waits. Of several callers each gets another one."""
    taken = await ponte.triage.claim_next(caller.agent)
    return Response(status_code=204) if taken is None else await conversation_out(ponte.store, taken)


@router.get("/search")
async def search(
    _caller: ReaderDep,
    ponte: PonteDep,
    q: Annotated[str, Query(max_length=200, description="Words, a name, or part of a number.")],
    after: Annotated[str | None, Query(max_length=500, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=50, description="The most items.")] = 20,
) -> HitPage:
    """Search customers' names and numbers, and what was written or said in all conversations.

    Every word has to be there, without regard to case and accents; the last one may be a beginning.
    """
    page = await ponte.store.search(q, after=after, limit=limit)
    conversations = await conversations_out(ponte.store, [hit.conversation for hit in page.items])
    messages = iter(await messages_out(ponte.store, [hit.message for hit in page.items if hit.message]))
    items = []
    for hit, conversation in zip(page.items, conversations, strict=True):
        text, marks = excerpt(_text(hit), query_of(q))
        message = next(messages) if hit.message else None
        items.append(HitOut(conversation=conversation, message=message, excerpt=text, marks=marks))
    return HitPage(items=items, next=page.next)


@router.post("/presence", status_code=204)
async def show_presence(shown: PresenceIn, caller: ReaderDep, ponte: PonteDep) -> None:
    """Say what the agent looks at or types in. Counts for 45 s: repeat it every 15 s."""
    await ponte.presence.show(caller.agent, _tab(caller), shown.conversation, typing=shown.typing)


@router.delete("/presence", status_code=204)
async def hide_presence(caller: ReaderDep, ponte: PonteDep) -> None:
    """Say that the agent's program is closed."""
    await ponte.presence.hide(caller.agent.id, _tab(caller))


@router.get("/presence")
async def list_presence(_caller: ReaderDep, ponte: PonteDep) -> PresencePage:
    """Tell who is here, and what they look at or type in."""
    return PresencePage(items=[_present_out(one) for one in await ponte.presence.present()])


def _tab(caller: Caller) -> str:
    """A session is one program; its token must not be in the row."""
    return f"api-{hashlib.sha256(caller.token.encode()).hexdigest()[:16]}"


def _present_out(present: Present) -> PresentOut:
    return PresentOut(
        agent=AgentOut(id=present.agent_id, name=present.name),
        since=moment(present.since),
        looking=list(present.looking),
        typing=list(present.typing),
    )


def _text(hit: Hit) -> str:
    if hit.message is None:
        return hit.contact.name or hit.contact.address.removeprefix("whatsapp:")
    return joined_text(hit.message.body, [media.text for media in hit.message.media])
