"""The office's documents, agents and audit log as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import Moment
from ponte.domain.agent import Role
from ponte.domain.office import Fields
from ponte.locales import Locale
from ponte.office import LONGEST_BODY, LONGEST_LABEL, LONGEST_NAME, LONGEST_TITLE
from ponte.staff import LONGEST_NAME as LONGEST_AGENT

_Password = Annotated[str, StringConstraints(min_length=8, max_length=256)]


class AgentIn(BaseModel):
    """Somebody who shall log in."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(description="What they log in with.", max_length=320, examples=["ana@escola.example"])
    name: str = Field(
        description="As customers and colleagues see it.",
        min_length=1,
        max_length=LONGEST_AGENT,
        examples=["Ana Souza"],
    )
    role: Role = Field(Role.AGENT, description="What they are there for.")
    password: _Password | None = Field(None, description="Left out: one is made, and answered once.")


class AgentChangeIn(BaseModel):
    """What changes of an agent; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        None, min_length=1, max_length=LONGEST_AGENT, description="As customers and colleagues see it."
    )
    role: Role | None = Field(None, description="What they are there for.")
    disabled: bool | None = Field(None, description="May not log in any more.")


class PasswordIn(BaseModel):
    """Another password."""

    model_config = ConfigDict(extra="forbid")

    password: _Password | None = Field(None, description="Left out: one is made, and answered once.")


class StaffMemberOut(BaseModel):
    """Somebody who logs in, as administrators see them."""

    id: str = Field(description="Opaque.")
    email: str = Field(description="What they log in with.")
    name: str = Field(description="As customers and colleagues see it.")
    role: Role = Field(description="What they are there for.")
    disabled: bool = Field(description="May not log in any more.")
    created_at: Moment = Field(description="Since when.")


class StaffOut(BaseModel):
    """All agents."""

    items: list[StaffMemberOut] = Field(description="By e-mail.")


class AgentAddedOut(BaseModel):
    """An agent whose password is new."""

    agent: StaffMemberOut = Field(description="The agent.")
    password: str | None = Field(description="The password that was made; null where one was given.")


class LoginOut(BaseModel):
    """A login."""

    id: str = Field(description="Opaque; it is no token.")
    created_at: Moment = Field(description="Since when.")
    expires_at: Moment = Field(description="Until when.")


class LoginsOut(BaseModel):
    """An agent's logins."""

    items: list[LoginOut] = Field(description="The newest first.")


class EndedOut(BaseModel):
    """How many logins were ended."""

    ended: int = Field(description="How many there were.")


class CannedIn(BaseModel):
    """A text that agents send often."""

    model_config = ConfigDict(extra="forbid")

    shortcut: str = Field(
        description="What an agent types after `/`: a-z, digits, - and _.",
        min_length=1,
        max_length=31,
        examples=["horario"],
    )
    title: str = Field(
        description="What it is for.", min_length=1, max_length=LONGEST_TITLE, examples=["Horários"]
    )
    body: str = Field(
        description="The text; `{{name}}`, `{{first_name}}`, `{{number}}` and `{{agent}}` are filled in.",
        min_length=1,
        max_length=LONGEST_BODY,
        examples=["Oi, {{first_name}}! Abrimos de segunda a sexta, das 8h às 18h."],
    )
    locale: Locale | None = Field(None, description="The language it is for; null: every one.")


class CannedReplyOut(BaseModel):
    """A canned reply as it is written."""

    id: str = Field(description="Opaque.")
    shortcut: str = Field(description="What an agent types after `/`.")
    title: str = Field(description="What it is for.")
    body: str = Field(description="The text with its variables.")
    locale: str | None = Field(description="The language it is for; null: every one.")


class CannedOut(BaseModel):
    """All canned replies."""

    items: list[CannedReplyOut] = Field(description="By shortcut.")


class LabelIn(BaseModel):
    """A label that agents shall be offered."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        description="As agents see it.", min_length=1, max_length=LONGEST_LABEL, examples=["Matrícula"]
    )
    colour: str = Field(
        description="One of grey, red, orange, yellow, green, teal, blue, purple, pink.",
        max_length=20,
        examples=["teal"],
    )


class LabelOut(BaseModel):
    """A label that agents are offered."""

    name: str = Field(description="As agents see it.")
    colour: str = Field(description="The colour's name.")


class LabelsOut(BaseModel):
    """All labels."""

    items: list[LabelOut] = Field(description="By name.")


class Names(BaseModel):
    """A name in each language; one is enough."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    pt_br: str = Field(
        "", alias="pt-BR", max_length=LONGEST_NAME, description="In Portuguese.", examples=["Matriculado"]
    )
    es: str = Field("", max_length=LONGEST_NAME, description="In Spanish.", examples=["Inscrito"])
    en: str = Field("", max_length=LONGEST_NAME, description="In English.", examples=["Enrolled"])

    def pairs(self) -> Fields:
        """Return the names by locale."""
        return (("pt-BR", self.pt_br), ("es", self.es), ("en", self.en))

    @classmethod
    def of(cls, pairs: Fields) -> Names:
        """Return the names out of pairs of locale and name."""
        held = dict(pairs)
        return cls(pt_br=held.get("pt-BR", ""), es=held.get("es", ""), en=held.get("en", ""))


class DispositionIn(BaseModel):
    """How a conversation can be filed."""

    model_config = ConfigDict(extra="forbid")

    names: Names = Field(description="As agents see it.")
    position: int | None = Field(
        None, ge=0, le=100_000, description="The lower, the earlier; left out: as it is, or last."
    )
    retired: bool = Field(default=False, description="Not offered any more.")


class DispositionOut(BaseModel):
    """A disposition."""

    id: str = Field(description="What conversations and reports hold.")
    names: Names = Field(description="As agents see it.")
    position: int = Field(description="The lower, the earlier.")
    retired: bool = Field(description="Not offered any more.")


class DispositionsOut(BaseModel):
    """All dispositions."""

    items: list[DispositionOut] = Field(description="In order.")


class AuditEntryOut(BaseModel):
    """Who did what to what, when."""

    id: str = Field(description="Opaque.")
    at: Moment = Field(description="When.")
    actor: str = Field(description="An agent's id, `bot`, `operator` or `worker`.")
    action: str = Field(description="What was done.")
    conversation_id: str | None = Field(description="To which conversation.")
    detail: str = Field(description="More of it; never what was said.")


class AuditOut(BaseModel):
    """A page of the audit log."""

    items: list[AuditEntryOut] = Field(description="The newest first.")
    next: str | None = Field(description="`after` of the next page; null on the last.")
