"""Help for agents who write: drafts, translations, a brief for the bot, canned replies."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.context import CallerDep, PonteDep
from api.conversations import ConversationId
from api.documented import errors
from ponte.writing import MAX_MESSAGES, MAX_TEXT

router = APIRouter(prefix="/v1", tags=["Writing"], responses=errors(400, 401, 403, 404, 413, 422, 503))

Language = Annotated[str, Field(pattern="^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,2}$", examples=["pt-BR"])]


class DraftOut(BaseModel):
    """An answer that the model proposes. Nothing of it was sent."""

    text: str = Field(description="The answer; a gap in square brackets is for the agent to fill.")
    sources: list[str] = Field(description="The knowledge it rests on, as file#heading.")
    prompt_version: str = Field(description="The version of the prompts that made it.")


class TranslateIn(BaseModel):
    """What is to be translated: messages for the agent, or the agent's text for the customer."""

    model_config = ConfigDict(extra="forbid")

    messages: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(
        None, min_length=1, max_length=MAX_MESSAGES, description="Ids of messages, into `language`."
    )
    language: Language | None = Field(None, description="The agent's language; goes with `messages`.")
    text: str | None = Field(
        None, min_length=1, max_length=MAX_TEXT, description="A text, into the customer's language."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.messages is None) == (self.text is None):
            raise ValueError("give either messages or text")
        if (self.messages is None) != (self.language is None):
            raise ValueError("give language with messages")
        return self


class TranslationOut(BaseModel):
    """Translations."""

    language: str = Field(description="Into which language, as a BCP 47 tag.")
    text: str | None = Field(description="The agent's text; null when messages were asked for.")
    messages: dict[str, str] = Field(description="The messages by id; those without text are left out.")


class BriefOut(BaseModel):
    """What the bot might have to know."""

    text: str = Field(description="For the agent to change, and to give with `return`; may be empty.")


class CannedOut(BaseModel):
    """A canned reply, filled in for a customer."""

    id: str = Field(description="Opaque.")
    shortcut: str = Field(description="What an agent types after `/`.", examples=["horario"])
    title: str = Field(description="What it is for.")
    body: str = Field(description="The text; a variable that has no value is left as {{name}}.")
    locale: str = Field(description="The language it is for; empty: every one.", examples=["pt-BR"])


@router.post("/conversations/{conversation_id}/draft", responses=errors(502))
async def draft(conversation_id: ConversationId, caller: CallerDep, ponte: PonteDep) -> DraftOut:
    """Let the model propose an answer from the conversation and the knowledge files. It is not sent."""
    found = await ponte.writing.draft(caller.agent, conversation_id)
    return DraftOut(text=found.text, sources=list(found.sources), prompt_version=found.prompt_version)


@router.post("/conversations/{conversation_id}/translate", responses=errors(502))
async def translate(
    conversation_id: ConversationId, wish: TranslateIn, caller: CallerDep, ponte: PonteDep
) -> TranslationOut:
    """Translate messages for the agent, or the agent's text for the customer. Nothing is sent or stored.

    Send the translation with `reply`, and the agent's own words beside it as `original`.
    """
    if wish.messages is not None and wish.language is not None:
        found = await ponte.writing.translate(caller.agent, conversation_id, wish.messages, wish.language)
        return TranslationOut(language=wish.language, text=None, messages=found)
    done = await ponte.writing.into_customers(caller.agent, conversation_id, wish.text or "")
    return TranslationOut(language=done.language, text=done.text, messages={})


@router.get("/conversations/{conversation_id}/brief")
async def brief(
    conversation_id: ConversationId,
    caller: CallerDep,
    ponte: PonteDep,
    language: Annotated[Language, Query(description="In which language.")] = "pt-BR",
) -> BriefOut:
    """Propose what the bot should know when the conversation is given back.

    Without a model, or where it does not answer, it is what the agents said last.
    """
    return BriefOut(text=await ponte.writing.brief(caller.agent, conversation_id, language))


@router.get("/conversations/{conversation_id}/canned")
async def canned(conversation_id: ConversationId, caller: CallerDep, ponte: PonteDep) -> list[CannedOut]:
    """List the canned replies with their variables filled in, those in the customer's language first."""
    found = await ponte.writing.canned(caller.agent, conversation_id)
    return [
        CannedOut(id=c.id, shortcut=c.shortcut, title=c.title, body=c.body, locale=c.locale) for c in found
    ]
