"""When an answer of the bot does not reach its customer, a human is brought in: nobody is left in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import structlog

from ponte.domain.conversation import Conversation, Handoff, Status, Trigger, hand_over
from ponte.domain.decision import HandoffDecision, Outcome, decision_id
from ponte.domain.message import Author, Message
from ponte.domain.twilio_errors import UNREACHABLE
from ponte.errors import Conflict
from ponte.locales import Locale
from ponte.metrics import Metrics
from ponte.ports import Clock, Commit, Store
from ponte.written import beside, is_spoken

log = structlog.get_logger(__name__)

_TRIES: Final = 20
_SUMMARY: Final = 600
_LOOKED_BACK: Final = 50
_REASON: Final[Mapping[Locale, str]] = {
    "pt-BR": "A resposta do bot não chegou ao cliente.",
    "es": "La respuesta del bot no le llegó al cliente.",
    "en": "The bot's answer did not reach the customer.",
}


class Unsent:
    """Brings humans in for what the bot could not send.

    Args:
        store: where conversations are.
        clock: the time.
        metrics: counts handoffs.
        locale: the agents' language.
    """

    def __init__(self, store: Store, clock: Clock, metrics: Metrics, locale: Locale) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._locale = locale

    async def given_up(self, message: Message, code: int | None) -> None:
        """Hand over the conversation of a message that is about to fail for good.

        Call it before the message is settled: whoever dies in between comes here again, and a conversation
        that a human has, or that is over, stays as it is. Nobody is brought in where an agent's words would
        not arrive either.

        Raises:
            Conflict: others changed the conversation all the time; nobody was brought in.
        """
        if message.author is not Author.BOT or code in UNREACHABLE:
            return
        if is_spoken(message) and await beside(self._store, message):
            return
        for _ in range(_TRIES):
            current = await self._store.conversation(message.conversation_id)
            if current.status is not Status.BOT_ACTIVE:
                return
            summary = message.body[:_SUMMARY]
            handoff = Handoff(_REASON[self._locale], Trigger.ERROR, 1.0, summary, self._clock.now())
            changed = replace(hand_over(current, handoff), version=current.version + 1)
            decision = await self._decision(message, current, handoff)
            try:
                await self._store.commit(Commit(changed, decisions=(decision,)))
            except Conflict:
                continue  # the worker, an agent or another sender was quicker
            self._metrics.handoffs.labels(Trigger.ERROR).inc()
            log.warning("handed_over_unsent", message=message.id, conversation=current.id, code=code)
            return
        raise Conflict(f"The conversation changed {_TRIES} times while a human was brought in.")

    async def _decision(self, message: Message, current: Conversation, handoff: Handoff) -> HandoffDecision:
        """Return the handoff's line in the ledger: of the turn that went unanswered, up to now."""
        first = message.seq
        for row in reversed(await self._store.messages(current.id, before=message.seq, limit=_LOOKED_BACK)):
            if row.author is Author.CUSTOMER:
                first = row.seq
            elif first < message.seq:
                break
        return HandoffDecision(
            id=decision_id(f"unsent-{message.id}"),
            conversation_id=current.id,
            contact_id=current.contact_id,
            at=handoff.at,
            first_seq=first,
            # Behind every earlier handoff: agents' marks are on the newest.
            seq=current.last_seq,
            outcome=Outcome.HUMAN,
            language=current.language,
            prompt_version=message.prompt_version or current.prompt_version or "",
            trigger=handoff.trigger,
        )
