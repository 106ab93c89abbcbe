"""The bad days: faults that can be switched on for a while, drawn from a seeded generator."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

Scope = Literal["messages", "all"]


class FaultKind(StrEnum):
    """What can go wrong.

    The `inbound_*` faults befall the webhook of a customer's message, the `outbound_*` ones a request to
    the REST API or the message it made, and the `status_*` ones the status callbacks. `outbound_63005`
    befalls contents (buttons, lists, templates) only, and `outbound_63019` messages with files only.
    """

    INBOUND_DUPLICATE = "inbound_duplicate"
    INBOUND_DISORDER = "inbound_disorder"
    INBOUND_DELAY = "inbound_delay"
    INBOUND_LOST = "inbound_lost"
    OUTBOUND_429 = "outbound_429"
    OUTBOUND_500 = "outbound_500"
    OUTBOUND_HANG = "outbound_hang"
    OUTBOUND_LOST_ANSWER = "outbound_lost_answer"
    OUTBOUND_63005 = "outbound_63005"
    OUTBOUND_63016 = "outbound_63016"
    OUTBOUND_63018 = "outbound_63018"
    OUTBOUND_63019 = "outbound_63019"
    OUTBOUND_21610 = "outbound_21610"
    STATUS_DUPLICATE = "status_duplicate"
    STATUS_DISORDER = "status_disorder"
    STATUS_LOST = "status_lost"


class FaultView(TypedDict):
    """One fault as the control API shows it."""

    id: int
    kind: str
    probability: float
    count: int | None
    duration_ms: int | None
    delay_ms: int | None
    wa_id: str | None
    scope: Scope
    fired: int


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault that is switched on.

    Attributes:
        probability: chance, 0 to 1, that it strikes where it could.
        count: how many times it may still strike, or None for no limit.
        ends_at: monotonic second at which it ends by itself, or None.
        delay_ms: for a delay, how long; for disorder and hanging, the longest hold.
        wa_id: the only customer it concerns, or None for all.
        scope: for REST faults, `messages` (sending only) or `all` (every REST request).
        fired: how many times it struck.
    """

    id: int
    kind: FaultKind
    probability: float = 1.0
    count: int | None = None
    ends_at: float | None = None
    delay_ms: int | None = None
    wa_id: str | None = None
    scope: Scope = "messages"
    fired: int = 0


class FaultBoard:
    """The faults that are on, and the draw that decides whether one strikes.

    Args:
        rng: the generator of every draw.
        monotonic: seconds that never go back, for durations.
        changed: told after every change and every strike.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        changed: Callable[[], None] | None = None,
    ) -> None:
        self._rng = rng
        self._changed = changed or (lambda: None)
        self._monotonic = monotonic
        self._faults: dict[int, Fault] = {}
        self._last_id = 0

    def add(
        self,
        kind: FaultKind,
        *,
        probability: float = 1.0,
        count: int | None = None,
        duration_ms: int | None = None,
        delay_ms: int | None = None,
        wa_id: str | None = None,
        scope: Scope = "messages",
    ) -> Fault:
        """Switch a fault on, until its count or its duration is used up, or it is removed."""
        self._last_id += 1
        ends_at = None if duration_ms is None else self._monotonic() + duration_ms / 1000
        fault = Fault(
            id=self._last_id,
            kind=kind,
            probability=probability,
            count=count,
            ends_at=ends_at,
            delay_ms=delay_ms,
            wa_id=wa_id,
            scope=scope,
        )
        self._faults[fault.id] = fault
        self._changed()
        return fault

    def draw(self, kind: FaultKind, *, wa_id: str | None = None, scope: Scope = "messages") -> Fault | None:
        """Return the fault of this kind that strikes now, or None.

        Args:
            kind: what is about to happen.
            wa_id: the customer concerned, where there is one.
            scope: `messages` for a send, which both scopes befall; `all` for any other REST request.
        """
        for fault in self._live():
            if fault.kind is not kind or (fault.wa_id is not None and fault.wa_id != wa_id):
                continue
            if scope == "all" and fault.scope != "all":
                continue
            if fault.probability < 1.0 and self._rng.random() >= fault.probability:
                continue
            fault.fired += 1
            if fault.count is not None:
                fault.count -= 1
            self._changed()
            return fault
        return None

    def remove(self, fault_id: int) -> bool:
        """Switch one fault off; return whether it was known."""
        known = self._faults.pop(fault_id, None) is not None
        self._changed()
        return known

    def clear(self) -> int:
        """Switch every fault off; return how many there were."""
        number = len(self._faults)
        self._faults.clear()
        self._changed()
        return number

    def views(self) -> list[FaultView]:
        """Return the faults that are on, oldest first."""
        return [self.view(fault) for fault in self._live()]

    def view(self, fault: Fault) -> FaultView:
        """Return one fault as the control API shows it; `duration_ms` is what is left of it."""
        left = None if fault.ends_at is None else max(0, round((fault.ends_at - self._monotonic()) * 1000))
        return {
            "id": fault.id,
            "kind": fault.kind.value,
            "probability": fault.probability,
            "count": fault.count,
            "duration_ms": left,
            "delay_ms": fault.delay_ms,
            "wa_id": fault.wa_id,
            "scope": fault.scope,
            "fired": fault.fired,
        }

    def _live(self) -> list[Fault]:
        if not self._faults:
            return []
        now = self._monotonic()
        for fault in list(self._faults.values()):
            if fault.count == 0 or (fault.ends_at is not None and fault.ends_at <= now):
                del self._faults[fault.id]
        return list(self._faults.values())
