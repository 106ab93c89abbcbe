"""The JSON of the agent API.

Moments are ISO 8601 in UTC with milliseconds, e.g. ``2026-11-22T20:15:00.123Z``.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from ponte.domain.agent import Role
from ponte.domain.conversation import Status, Trigger
from ponte.domain.decision import Mark, Outcome
from ponte.domain.message import Author, Kind, MediaError, MessageStatus

Moment = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-22T20:15:00.123Z"])
]


class _In(BaseModel):
    """Unknown fields are refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid")


class SessionIn(_In):
    """A login."""

    email: str = Field(max_length=320, description="As the agent was added.", examples=["ana@example.com"])
    password: SecretStr = Field(max_length=1024, description="The agent's password.")


class ChoiceIn(_In):
    """An answer for the customer to tap."""

    id: str = Field(min_length=1, max_length=200, description="Comes back as the button's payload.")
    title: str = Field(min_length=1, max_length=24, description="What the customer reads.")


class ReplyIn(_In):
    """A text for the customer."""

    body: str = Field(
        min_length=1,
        max_length=16_000,
        description="The text; over 1600 characters it goes out in several messages.",
        examples=["Olá! Já estou vendo o seu pedido."],
    )
    voice: bool = Field(
        default=False,
        description="Speak it. A text that is better read or cannot be spoken now goes out in writing.",
    )
    choices: list[ChoiceIn] = Field(
        default_factory=list,
        max_length=10,
        description="Answers to tap: up to 3 as buttons, up to 10 as a list, else as a numbered text.",
    )
    original: str = Field(
        default="",
        max_length=16_000,
        description="The agent's own words, where `body` is their translation; kept in `details`.",
    )


class TemplateIn(_In):
    """A template for the customer."""

    content_sid: str = Field(
        pattern="^HX[0-9a-fA-F]{32}$",
        description="Twilio's ContentSid.",
        examples=["HX0123456789abcdef0123456789abcdef"],
    )
    variables: dict[str, Annotated[str, Field(max_length=1600)]] = Field(
        default_factory=dict,
        max_length=100,
        description="Its variables by name, each one line of up to 1600 characters.",
        examples=[{"1": "Maria"}],
    )


class NoteIn(_In):
    """A text for colleagues. The customer never sees it."""

    body: str = Field(min_length=1, max_length=16_000, description="The note.", examples=["Ligar amanhã."])


class TransferIn(_In):
    """Where the conversation goes: to an agent, or back to the queue. Exactly one of the two."""

    agent: str | None = Field(
        None, min_length=1, max_length=320, description="An agent's id or e-mail.", examples=["ag_5f1c"]
    )
    queue: bool | Annotated[str, Field(max_length=100)] | None = Field(
        None, description="true, or the queue's name: back to those who wait. There is one queue."
    )
    note: str = Field("", max_length=16_000, description="For colleagues; put into the transcript.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.agent is None) == (not self.queue):
            raise ValueError("give either agent or queue")
        return self


class ReturnIn(_In):
    """What the bot should know when it goes on."""

    brief: str = Field(
        "",
        max_length=4_000,
        description="A few words for the bot; the customer does not see them.",
        examples=["Combinamos a visita para sábado às 10h."],
    )


class ResolveIn(_In):
    """How the matter is filed."""

    disposition: str | None = Field(
        None, max_length=200, description="A word or two for reports.", examples=["agendado"]
    )


class HandoffMarkIn(_In):
    """What an agent says of a handoff."""

    mark: Mark = Field(
        description="`not_needed`: the bot could have gone on. `late`: a human should have come sooner. "
        "`none`: the mark is taken back."
    )
    at_seq: int | None = Field(
        None,
        ge=1,
        le=2**53 - 1,
        description="For `late`: the seq of the customer's message at which a human should have come. Without"
        " it, the customer's last message before the turn in which one came.",
        examples=[3],
    )
    decision: str | None = Field(
        None, max_length=300, description="Which handoff, by its decision's id. Without it, the newest."
    )


class AgentOut(BaseModel):
    """An agent, as colleagues see one."""

    id: str = Field(description="Opaque.", examples=["ag_5f1c"])
    name: str | None = Field(description="Null for one who is no longer known.", examples=["Ana"])


class ColleagueOut(AgentOut):
    """An agent to whom a conversation can be transferred."""

    email: str = Field(description="What they log in with.", examples=["ana@example.com"])
    role: Role = Field(description="What they are there for.")


class SessionOut(BaseModel):
    """A login that succeeded."""

    token: str = Field(description="Send it as Authorization: Bearer <token>. It is shown only now.")
    agent: ColleagueOut = Field(description="Who logged in.")
    expires_at: Moment = Field(description="When the token ends.")


class AgentPage(BaseModel):
    """All agents who can take conversations."""

    items: list[ColleagueOut] = Field(description="By e-mail.")
    next: str | None = Field(None, description="Always null: there is one page.")


class ContactOut(BaseModel):
    """The customer."""

    id: str = Field(description="Opaque.", examples=["ct_0a1b"])
    wa_id: str | None = Field(description="WhatsApp's id, where Twilio gave one.", examples=["5511900000000"])
    name: str | None = Field(description="The profile name, where Twilio gave one.", examples=["João"])
    opted_out_at: Moment | None = Field(
        None, description="Since when the customer wants no messages; nothing can be sent to them then."
    )


class HandoffOut(BaseModel):
    """Why a human was brought in."""

    reason: str = Field(description="One sentence for the agent.")
    trigger: Trigger = Field(description="What decided it.")
    score: float = Field(description="The decision's confidence, 0 to 1.")
    summary: str = Field(description="What the customer wants and what the bot already said.")
    at: Moment = Field(description="When.")


class DecisionMarkOut(BaseModel):
    """What one agent says of a handoff."""

    agent: AgentOut = Field(description="Who says so.")
    mark: Mark = Field(description="What.")
    at_seq: int | None = Field(description="For `late`: the message at which a human should have come.")
    at: Moment = Field(description="When it was said.")


class DecisionOut(BaseModel):
    """What detection decided in one turn of the customer."""

    id: str = Field(description="Opaque.")
    at: Moment = Field(description="When.")
    first_seq: int = Field(description="The seq of the turn's first message of the customer.")
    seq: int = Field(description="The seq of the turn's last message of the customer.")
    outcome: Outcome = Field(description="Whether a human was brought in.")
    trigger: Trigger | None = Field(description="What brought the human in; null where the bot went on.")
    scores: dict[str, float] = Field(
        description="What was measured, by name.", examples=[{"classifier": 0.71, "judge": 0.85}]
    )
    thresholds: dict[str, float] = Field(
        description="What the scores were held against; local.<language> names the language of the reading.",
        examples=[{"sure": 0.9, "unsure": 0.15, "judge": 0.6, "doubt": 0.2, "local.pt-BR": 0.6}],
    )
    language: str = Field(description="The customer's, as a BCP 47 tag.", examples=["pt-BR"])
    prompt_version: str = Field(description="The prompt files that decided.", examples=["3f2a9c01d4e7"])
    phrase: str | None = Field(description="The phrase of the prompt files that was found, if any.")
    marks: list[DecisionMarkOut] = Field(description="What agents say of it.")


class DecisionPage(BaseModel):
    """One page of a conversation's decisions."""

    items: list[DecisionOut] = Field(description="In order of seq.")
    next: str | None = Field(description="Pass it as `after` for the next page; null on the last.")


class ConversationOut(BaseModel):
    """One matter of one customer."""

    id: str = Field(description="Opaque.", examples=["cv_77d0"])
    status: Status = Field(description="Who is to act.")
    contact: ContactOut = Field(description="Whose it is.")
    agent: AgentOut | None = Field(description="Who holds it; null while nobody does.")
    waiting_since: Moment | None = Field(description="Since when the customer waits for an agent.")
    window_expires_at: Moment | None = Field(
        description="Until when WhatsApp lets free text through: 24 hours after the customer's last message."
    )
    handoff: HandoffOut | None = Field(description="Why a human was brought in, last.")
    unread: int = Field(description="Messages of the customer that no agent has seen, in the human stretch.")
    language: str = Field(description="The customer's, as a BCP 47 tag.", examples=["pt-BR"])
    preview: str = Field(description="The first words of the newest message.")
    last_seq: int = Field(description="The seq of the newest message.")
    opened_at: Moment = Field(description="When the customer began it.")
    updated_at: Moment = Field(description="When it last changed.")
    resolved_at: Moment | None = Field(description="When it was closed.")
    disposition: str | None = Field(description="How it was filed.")
    csat: int | None = Field(
        None, ge=1, le=5, description="How content the customer was, 1 to 5; null until they say."
    )
    csat_at: Moment | None = Field(None, description="When they said it.")
    labels: list[str] = Field(default_factory=list, description="What agents filed it under.")
    priority: int = Field(0, ge=0, le=2, description="0 normal, 1 high, 2 urgent.")
    snoozed_until: Moment | None = Field(None, description="Until when its agent put it off.")
    reopened: int = Field(0, description="How often an agent opened it again.")
    unanswered_since: Moment | None = Field(
        None, description="Since when what the customer wrote to a human has had no answer."
    )
    version: int = Field(description="Grows with every change.")


class ConversationPage(BaseModel):
    """One page of conversations."""

    items: list[ConversationOut] = Field(
        description="The latest changed first; those awaiting an agent the longest waiting first."
    )
    next: str | None = Field(description="Pass it as `after` for the next page; null on the last.")


class MediaOut(BaseModel):
    """A file that came with a message."""

    content_type: str = Field(
        description="As its content shows; as Twilio declared it while `url` is null.", examples=["audio/ogg"]
    )
    url: str | None = Field(
        None, description="Where to fetch it, with the session's token; null when there is no file to fetch."
    )
    size: int | None = Field(None, description="Bytes.")
    name: str | None = Field(None, description="The file's name, where one is known.")
    text: str | None = Field(None, description="What was said in it, or what is written in it.")
    language: str | None = Field(None, description="Of `text`.", examples=["pt"])
    confidence: float | None = Field(None, description="Of `text`, 0 to 1.")
    duration_ms: int | None = Field(None, description="Of audio and video.")
    error: MediaError | None = Field(None, description="Why it cannot be used.")


class MessageOut(BaseModel):
    """One row of the transcript."""

    id: str = Field(description="Opaque.")
    seq: int = Field(description="1, 2, 3 ... within the conversation.")
    author: Author = Field(description="Who wrote it.")
    kind: Kind = Field(description="What it is; a note is for agents only.")
    body: str = Field(description="The text.")
    details: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "What it carries beside its text, by name: button_text, button_payload, list_id, list_title, "
            "latitude, longitude, address, label, contact_name, contact_phone, forwarded, referral_headline, "
            "referral_url ...; message_type, as Twilio calls it, when the kind is unknown; of the bot's: "
            "sources, the knowledge it rests on as file#heading, and withheld, why the model's own answer "
            "was not sent."
        ),
        examples=[{"label": "Hípica Ponte Alta", "latitude": "-23.550500", "longitude": "-46.633300"}],
    )
    reply_to: str | None = Field(None, description="Twilio's MessageSid of the message that it quotes.")
    media: list[MediaOut] = Field(description="The files that came with it.")
    status: MessageStatus = Field(description="How far it got.")
    created_at: Moment = Field(description="When it came or was written.")
    prompt_version: str | None = Field(description="The version of the prompts that spoke, for the bot's.")
    agent: AgentOut | None = Field(description="Who wrote it, for an agent's.")
    error_code: int | None = Field(description="Twilio's error code, when it failed.", examples=[63016])


class MessagePage(BaseModel):
    """One page of a transcript."""

    items: list[MessageOut] = Field(description="In order of seq.")
    next: str | None = Field(description="Pass it as `after` for the next page; null on the last.")


class TemplateOut(BaseModel):
    """A content template."""

    content_sid: str = Field(description="Twilio's ContentSid.")
    name: str = Field(description="Its friendly name.", examples=["volta_pt_br"])
    family: str = Field(description="The name without its language: the same in all.", examples=["volta"])
    language: str = Field(description="As Twilio has it.", examples=["pt_BR"])
    body: str = Field(description="The text, with {{1}} where a variable goes.")
    variables: list[str] = Field(description="The names of its variables.")
    samples: dict[str, str] = Field(description="A sample of each variable.")
    approval: str = Field(
        description="WhatsApp's word on it; only `approved` ones leave the window.", examples=["approved"]
    )
    category: str | None = Field(description="As WhatsApp filed it.", examples=["UTILITY"])
    content_type: str = Field(description="What it is.", examples=["twilio/text"])


class TemplatePage(BaseModel):
    """All templates."""

    items: list[TemplateOut] = Field(description="By name and language.")
    next: str | None = Field(None, description="Always null: there is one page.")


class FieldError(BaseModel):
    """A field that cannot be used."""

    field: str = Field(examples=["body.email"], description="Where it is.")
    message: str = Field(examples=["Field required"], description="What is wrong with it.")


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="A stable name for programs.", examples=["already_claimed"])
    message: str = Field(description="For people: what happened and what to do.")
    holder: AgentOut | None = Field(None, description="Who holds the conversation, where that is why.")
    fields: list[FieldError] | None = Field(None, description="The wrong fields, where some are.")
    correlation_id: str | None = Field(None, description="What the log knows it by, with a 500.")


class ErrorOut(BaseModel):
    """Every error has this shape. What does not apply is left out."""

    error: ErrorDetail = Field(description="For programs and for people.")


class ChangeOut(BaseModel):
    """The data of a ``conversation`` event."""

    id: str = Field(description="Which conversation changed.")
    contact_id: str = Field(description="Whose it is.")
    status: Status = Field(description="Who is to act now.")
    agent: AgentOut | None = Field(description="Who holds it; null while nobody does.")
    unread: int = Field(description="Messages of the customer that no agent has seen.")
    waiting_since: Moment | None = Field(description="Since when the customer waits for an agent.")
    last_seq: int = Field(description="The seq of the newest message.")
    updated_at: Moment = Field(description="When it changed.")
    version: int = Field(description="Grows with every change.")


class PromptFaultOut(BaseModel):
    """One thing that is wrong with the prompt files."""

    file: str = Field(description="Relative to the prompts' folder; empty: not of one file.")
    line: int | None = Field(description="Where; null when it is not known.")
    message: str = Field(description="What is wrong, and the mend.")


class PromptStatusOut(BaseModel):
    """Which prompt files are served, and what is wrong with those on the disk."""

    served: str = Field(description="The version that turns run with.", examples=["3f9a0c1b2d4e"])
    files: str = Field(description="The version of the files on the disk.", examples=["3f9a0c1b2d4e"])
    differs: bool = Field(description="Whether the files are not what is served.")
    rolled_back: bool = Field(description="Whether somebody went back to the served version.")
    faults: list[PromptFaultOut] = Field(description="Why the files are not served; empty: they are fine.")


class PromptVersionOut(BaseModel):
    """A version of the prompt files that was served."""

    version: str = Field(description="The hash of its contents.", examples=["3f9a0c1b2d4e"])
    first_served_at: Moment = Field(description="When it was served for the first time.")
    files: int = Field(description="How many files it has.")


class PromptsOut(BaseModel):
    """The prompt files."""

    status: PromptStatusOut | None = Field(description="What is served; null until a worker served some.")
    pinned: str | None = Field(description="The version that somebody went back to; null: the files'.")
    changed_at: Moment | None = Field(description="When what is to be served was changed last.")
    changed_by: str | None = Field(description="Who did: an agent's id, `operator`, or `worker` for an edit.")
    versions: list[PromptVersionOut] = Field(description="What was served, the newest first.")


class CheckOut(BaseModel):
    """One check of the readiness."""

    ok: bool = Field(description="Whether it passed.")
    error: str | None = Field(None, description="The kind of failure; the log has the rest.")
    detail: PromptStatusOut | None = Field(None, description="Of the check `prompts` only: what is served.")


class ReadyOut(BaseModel):
    """Whether this process can do its work."""

    ready: bool = Field(description="True when every check passed.")
    checks: dict[str, CheckOut] = Field(description="Each check by name.")
