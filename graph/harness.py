"""The whole pipeline in one process, for tests: a real store and graph, fakes for Twilio and the model.

Nothing runs by itself: tests say when the worker works, when messages are delivered, and what time it is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from graph.advance import Advance
from graph.builder import Graph
from graph.context import GraphContext
from graph.contexts import Contexts, FixedContexts
from graph.late_words import LateWords
from graph.outgoing_files import OutgoingFiles
from graph.outreach import Invitations, Outreach
from graph.reminders import Reminders
from graph.surveys import Surveys
from graph.turn import run_turn
from graph.voice_answers import VoiceAnswers
from graph.worker import LEASE_MS, Worker
from ponte.accounts import Accounts
from ponte.delivery import DeliveryService
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.message import Inbound, Kind, Message
from ponte.feed import ChangeFeed
from ponte.handoff import HandoffDesk
from ponte.intake import Intake
from ponte.media_intake import MediaIntake
from ponte.media_links import MediaLinks
from ponte.metrics import Metrics
from ponte.ports import MediaStore, Store, Templates
from ponte.signals import Signals
from ponte.testing import FakeMessenger, ManualClock

_ROUNDS: Final = 60
_DAY_MS: Final = 24 * 60 * 60 * 1000


class Pipeline:
    """Ponte without its edges.

    Args:
        store: an open, migrated store.
        graph: built over a checkpointer.
        context: with a fake model.
        clock: the time; moved by ``settle``.
        messenger: Twilio's fake.
        debounce_ms: as in the settings.
        voice: speaks answers; None: all are written.
        media: fetches the files that customers send; None leaves them where they are.
        templates: the account's templates; None: there are none, and choices go out as numbered texts.
        contexts: which prompt files serve whom; None: ``context`` serves all.
        files: where files are that go out with answers; None: they stay behind.
    """

    def __init__(
        self,
        store: Store,
        graph: Graph,
        context: GraphContext,
        *,
        clock: ManualClock,
        messenger: FakeMessenger,
        debounce_ms: int = 0,
        voice: VoiceAnswers | None = None,
        media: MediaIntake | None = None,
        templates: Templates | None = None,
        contexts: Contexts | None = None,
        files: MediaStore | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.messenger = messenger
        self.signals = Signals()
        self.metrics = Metrics()
        self.context = context if voice is None else _speaking(context, voice)
        self.intake = Intake(store, clock, self.signals, self.metrics)
        self.desk = HandoffDesk(store, clock, self.signals, voice.voice if voice else None, templates)
        self.accounts = Accounts(store, clock)
        self.feed = ChangeFeed(store, clock)
        self._graph = graph
        self._debounce_ms = debounce_ms
        self._media = media
        self._voice = voice
        self._templates = templates
        self._contexts = contexts
        self._files = None if files is None else OutgoingFiles(files, clock)
        self._lives = 0
        self.restart()

    def restart(self) -> None:
        """Begin a new life of the worker's process, as after a kill: its leases are another's now."""
        self._lives += 1
        contexts = self._contexts or FixedContexts(self.context)
        outreach = Outreach(self._templates, self.clock)
        advance = Advance(
            self.store,
            partial(run_turn, self._graph),
            messenger=self.messenger,
            contexts=contexts,
            clock=self.clock,
            signals=self.signals,
            metrics=self.metrics,
            idle_ms=_DAY_MS,
            default_language="pt-BR",
            voice=self._voice.voice if self._voice else None,
            media=self._media,
            understand=LateWords(self.store, self.clock, self.signals),
            surveys=Surveys(self.store, self.clock, self.metrics, outreach),
            files=self._files,
        )
        self.worker = Worker(
            self.store,
            advance,
            clock=self.clock,
            signals=self.signals,
            metrics=self.metrics,
            owner=f"life-{self._lives}",
            debounce_ms=self._debounce_ms,
        )
        self.delivery = DeliveryService(
            self.store,
            self.messenger,
            self.clock,
            self.signals,
            self.metrics,
            links=MediaLinks("a-secret-for-tests-of-32-characters", "https://ponte.example"),
            templates=self._templates,
        )
        self.reminders = Reminders(
            self.store,
            clock=self.clock,
            signals=self.signals,
            contexts=contexts,
        )
        self.invitations = Invitations(
            self.store,
            outreach,
            contexts,
            clock=self.clock,
            signals=self.signals,
            owner=f"life-{self._lives}",
        )
        self._work = self.worker.loop(concurrency=1000)
        self._deliver = self.delivery.loop(concurrency=1000)

    async def customer_says(self, address: str, body: str, sid: str, *, kind: Kind = Kind.TEXT) -> bool:
        """Accept a customer's message as the webhook does. False for a redelivery."""
        return await self.intake.accept(
            Inbound(
                sid=sid,
                address=address,
                to="whatsapp:+14155238886",
                body=body,
                kind=kind,
                received_at=self.clock.now(),
            )
        )

    async def work(self) -> int:
        """Let the worker do what is due now; returns how many contacts it looked at."""
        return await self._work.run_due()

    async def deliver(self) -> int:
        """Let delivery do what is due now; returns how many contacts it looked at."""
        return await self._deliver.run_due()

    async def settle(self) -> None:
        """Work and deliver, moving the clock past every back-off and lease, until nothing is left to do.

        Raises:
            AssertionError: something is still waiting after a long time.
        """
        for _ in range(_ROUNDS):
            await self.work()
            await self.deliver()
            if not await self._waiting():
                return
            # What is left backs off, or is held by a process that died.
            self.clock.advance(LEASE_MS)
        raise AssertionError("The pipeline did not come to rest.")

    async def _waiting(self) -> bool:
        far = self.clock.now() + _DAY_MS
        return bool(await self.store.due_contacts(far, 1) or await self.store.outbox_size())

    async def contact(self, address: str) -> Contact:
        """Return the customer with this address."""
        contact = await self.store.find_contact(address)
        if contact is None:
            raise AssertionError(f"nobody wrote from {address} yet")
        return contact

    async def current(self, address: str) -> Conversation:
        """Return the customer's newest conversation."""
        current = await self.store.current((await self.contact(address)).id)
        if current is None:
            raise AssertionError(f"{address} has no conversation yet")
        return current

    async def transcript(self, address: str) -> list[Message]:
        """Return all messages of the customer's newest conversation, in order."""
        current = await self.current(address)
        found: list[Message] = []
        while page := await self.store.messages(current.id, after=len(found), limit=200):
            found.extend(page)
        return found


def _speaking(context: GraphContext, voice: VoiceAnswers) -> GraphContext:
    """Return the context with the policy of ``voice`` in place of the prompt files'."""
    policy = context.prompts.policy.model_copy(update={"voice": voice.policy})
    return replace(context, prompts=replace(context.prompts, policy=policy))
