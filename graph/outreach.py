"""What must go out while WhatsApp's 24-hour window is closed: content templates, sent by themselves."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import structlog

from graph.contexts import Contexts
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.message import Author, Delivery, Kind, Message, MessageStatus, position
from ponte.domain.templates import Template, content_variables, fill, in_language
from ponte.domain.twilio_errors import OUTSIDE_WINDOW
from ponte.domain.window import window_open, wrote_lately
from ponte.errors import Conflict, InvalidInput, MessengerError, NotFound, StoreUnavailable
from ponte.ports import Clock, Commit, Store, Templates
from ponte.signals import Signals

log = structlog.get_logger(__name__)

_EVERY_MS: Final = 15_000
_LEASE_MS: Final = 60_000
_PAGE: Final = 200
_PREVIEW: Final = 120
_LOOK_BACK: Final = 50
_LISTED_FOR_MS: Final = 10 * 60 * 1000
_REMEMBERED: Final = 5_000
# What stands for the name of a customer who shows none.
_NAMELESS: Final[Mapping[str, str]] = {"pt": "cliente", "es": "cliente", "en": "there"}


class Outreach:
    """Finds the template of a family in a customer's language, and makes the message of it.

    Args:
        templates: the account's templates; None: there are none.
        clock: the time.
    """

    def __init__(self, templates: Templates | None, clock: Clock) -> None:
        self._templates = templates
        self._clock = clock
        self._listed: list[Template] = []
        self._listed_at: int | None = None

    async def added(self, commit: Commit, contact: Contact, family: str, stem: str) -> Commit:
        """Append a template to a commit; the same commit when there is none that can be sent.

        Args:
            commit: what is committed so far.
            contact: whom it goes to.
            family: the name that the template shares with itself in other languages.
            stem: the message's id follows from it.
        """
        current, now = commit.conversation, self._clock.now()
        template = in_language(await self._list(now), family, current.language)
        if template is None:
            log.warning("no_template", family=family, language=current.language)
            return commit
        try:
            values = dict.fromkeys(template.variables, _name(contact, current.language))
            filled = content_variables(template, values)
        except InvalidInput as error:
            log.warning("template_not_fit", template=template.sid, error=str(error))
            return commit
        message = Message(
            id=f"{stem}:0",
            conversation_id=current.id,
            contact_id=contact.id,
            seq=current.last_seq + 1,
            author=Author.SYSTEM,
            kind=Kind.TEXT,
            body=fill(template, values),
            status=MessageStatus.QUEUED,
            created_at=now,
            details=(("content_sid", template.sid), ("content_variables", filled)),
            delivery=Delivery(
                contact.address, position(current.opened_at, current.last_seq + 1), current.epoch, now
            ),
        )
        changed = replace(current, last_seq=message.seq, preview=message.body[:_PREVIEW], updated_at=now)
        return replace(commit, conversation=changed, messages=(*commit.messages, message))

    async def _list(self, now: int) -> list[Template]:
        """Return the templates as Twilio listed them at most 10 minutes ago; an older list while it fails."""
        if self._templates is None:
            return []
        if self._listed_at is None or now - self._listed_at > _LISTED_FOR_MS:
            try:
                self._listed = await self._templates.templates()
                self._listed_at = now
            except MessengerError as error:
                log.warning("templates_not_listed", code=error.code, error=str(error))
        return self._listed


class Invitations:
    """Invites customers to write, by a template, where an agent's answer waits for the window to open.

    Once for each time that the customer fell silent: the message's id says for which. Whoever has the
    conversation by now, or whether it is resolved, makes no difference: the answer waits all the same.

    Args:
        store: where parked messages are.
        outreach: makes the message.
        contexts: the policy, which names the template.
        clock: the time.
        signals: wakes delivery.
        owner: names this process; unique.
    """

    def __init__(
        self,
        store: Store,
        outreach: Outreach,
        contexts: Contexts,
        *,
        clock: Clock,
        signals: Signals,
        owner: str,
    ) -> None:
        self._store = store
        self._outreach = outreach
        self._contexts = contexts
        self._clock = clock
        self._signals = signals
        self._owner = owner
        self._done: OrderedDict[str, None] = OrderedDict()

    async def run_once(self) -> int:
        """Invite whoever is to be invited; returns how many. One process at a time looks."""
        lease = await self._store.acquire("invitations", self._owner, self._clock.now(), _LEASE_MS)
        if lease is None:
            return 0
        try:
            return await self._look()
        finally:
            await self._store.release_lease(lease)

    async def _look(self) -> int:
        invited, after = 0, ""
        while page := await self._store.parked_contacts(after, _PAGE):
            for contact_id in page:
                invited += await self._invite(contact_id)
                await asyncio.sleep(0)  # what reads from memory gives way to the webhooks, too
            after = page[-1]
        return invited

    async def run(self) -> None:
        """Look every 15 s until cancelled."""
        while True:
            try:
                await self.run_once()
            except StoreUnavailable as error:
                log.warning("invitations_failed", error=str(error))
            await self._clock.sleep(_EVERY_MS)

    async def _invite(self, contact_id: str) -> bool:
        current = await self._store.current(contact_id)
        if current is None:
            return False
        family = self._contexts.for_conversation(current).prompts.policy.templates.waiting_answer
        contact = await self._store.contact(contact_id)
        now = self._clock.now()
        if family is None or contact.opted_out_at or wrote_lately(contact.last_inbound_at, now):
            return False
        if window_open(contact.last_inbound_at, now) and not await self._closed_at_whatsapp(current):
            return False
        stem = f"invite-{contact_id}-{contact.last_inbound_at}"
        if stem in self._done or await self._sent(stem):
            return False
        commit = await self._outreach.added(Commit(current), contact, family, stem)
        return bool(commit.messages) and await self._committed(commit, current, stem)

    async def _closed_at_whatsapp(self, current: Conversation) -> bool:
        """Tell whether WhatsApp refused what is parked: its clock counts, not ours."""
        newest = await self._store.messages(current.id, before=current.last_seq + 1, limit=_LOOK_BACK)
        return any(m.status is MessageStatus.PARKED and m.error_code == OUTSIDE_WINDOW for m in newest)

    async def _sent(self, stem: str) -> bool:
        try:
            await self._store.message(f"{stem}:0")
        except NotFound:
            return False
        self._remember(stem)
        return True

    async def _committed(self, commit: Commit, current: Conversation, stem: str) -> bool:
        changed = replace(commit.conversation, version=current.version + 1)
        try:
            await self._store.commit(replace(commit, conversation=changed))
        except Conflict:
            # An agent, the customer or another process was quicker; the next look decides again.
            return False
        self._remember(stem)
        self._signals.outbox(current.contact_id)
        return True

    def _remember(self, stem: str) -> None:
        self._done[stem] = None
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)


def _name(contact: Contact, language: str) -> str:
    name = " ".join((contact.name or "").split())[:60]
    return name or _NAMELESS.get(language.partition("-")[0], "cliente")
