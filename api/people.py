"""Customers: the card with notes, labels and language; export and erasure."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.context import CallerDep, PonteDep, ReaderDep
from api.documented import errors
from api.schemas import ConversationOut, Moment
from api.views import conversations_out, moment
from api.writing import Language
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent
from ponte.domain.contact import ContactNote
from ponte.people import LONGEST_LABEL, LONGEST_NOTE, MOST_LABELS

router = APIRouter(prefix="/v1", tags=["Customers"], responses=errors(400, 401, 403, 404, 413, 422, 503))

ContactId = Annotated[str, Path(max_length=200, description="The customer.", examples=["ct_9a1b"])]


class NoteOnPersonIn(BaseModel):
    """A note on a person, for colleagues. The customer never sees it."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(
        description="The note.", min_length=1, max_length=LONGEST_NOTE, examples=["Prefere aulas de manhã."]
    )


class CardIn(BaseModel):
    """What changes on the card; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    labels: list[Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL)]] | None = Field(
        None, max_length=MOST_LABELS, description="They replace those that are there."
    )
    language: Language | None = Field(
        None, description="The customer's, as agents say; null beside nothing else: as is detected."
    )


class NoteOnPersonOut(BaseModel):
    """A note on a person."""

    id: str = Field(description="Opaque.")
    text: str = Field(description="The note.")
    agent_id: str = Field(description="Who wrote it.")
    created_at: Moment = Field(description="When.")


class CardOut(BaseModel):
    """A customer as agents see them."""

    id: str = Field(description="Opaque.")
    name: str | None = Field(description="The profile's name.")
    address: str = Field(description="Twilio's address.", examples=["whatsapp:+5511900000001"])
    labels: list[str] = Field(description="In order of the alphabet.")
    language: str | None = Field(description="As agents say; null: as is detected.")
    notes: list[NoteOnPersonOut] = Field(description="Oldest first.")
    memory: str = Field(description="What the bot remembers of earlier conversations.")
    opted_out_at: Moment | None = Field(description="Since when the customer wants no messages.")
    conversations: list[ConversationOut] = Field(description="The ten that changed last.")


@router.get("/contacts/{contact_id}")
async def card(contact_id: ContactId, caller: ReaderDep, ponte: PonteDep) -> CardOut:
    """Return a customer's card with the newest conversations."""
    return await _card(ponte, caller.agent, contact_id)


@router.patch("/contacts/{contact_id}", responses=errors(409))
async def change_card(contact_id: ContactId, wish: CardIn, caller: CallerDep, ponte: PonteDep) -> CardOut:
    """Change a customer's labels or language."""
    if wish.labels is not None:
        await ponte.people.set_labels(caller.agent, contact_id, wish.labels)
    if "language" in wish.model_fields_set:
        await ponte.people.set_language(caller.agent, contact_id, wish.language)
    return await _card(ponte, caller.agent, contact_id)


@router.post("/contacts/{contact_id}/notes", status_code=201, responses=errors(409))
async def add_note(
    contact_id: ContactId, note: NoteOnPersonIn, caller: CallerDep, ponte: PonteDep
) -> CardOut:
    """Add a note on the person."""
    await ponte.people.add_note(caller.agent, contact_id, note.text)
    return await _card(ponte, caller.agent, contact_id)


@router.delete("/contacts/{contact_id}/notes/{note_id}", responses=errors(409))
async def delete_note(
    contact_id: ContactId,
    note_id: Annotated[str, Path(max_length=200, description="The note.")],
    caller: CallerDep,
    ponte: PonteDep,
) -> CardOut:
    """Delete a note. Its author may, and a supervisor or admin."""
    await ponte.people.drop_note(caller.agent, contact_id, note_id)
    return await _card(ponte, caller.agent, contact_id)


@router.get("/contacts/{contact_id}/export")
async def export(contact_id: ContactId, caller: CallerDep, ponte: PonteDep) -> dict[str, Any]:
    """Return everything that is kept of a customer, files' contents apart. For admins; it is audited."""
    return await ponte.people.export(caller.agent, contact_id)


@router.delete("/contacts/{contact_id}")
async def erase(
    contact_id: ContactId,
    caller: CallerDep,
    ponte: PonteDep,
    confirm: Annotated[
        str, Query(min_length=4, max_length=4, description="The last four characters of the address.")
    ],
) -> dict[str, int]:
    """Delete everything that is kept of a customer; returns how much. For admins; it is audited.

    It cannot be undone.
    """
    return await ponte.people.erase(caller.agent, contact_id, confirm)


async def _card(ponte: Ponte, agent: Agent, contact_id: str) -> CardOut:
    found = await ponte.people.card(agent, contact_id)
    contact = found.contact
    out = contact.opted_out_at
    return CardOut(
        id=contact.id,
        name=contact.name,
        address=contact.address,
        labels=list(contact.labels),
        language=contact.language,
        notes=[_note(note) for note in contact.notes],
        memory=contact.memory,
        opted_out_at=None if out is None else moment(out),
        conversations=await conversations_out(ponte.store, list(found.conversations)),
    )


def _note(note: ContactNote) -> NoteOnPersonOut:
    return NoteOnPersonOut(id=note.id, text=note.text, agent_id=note.agent_id, created_at=moment(note.at))
