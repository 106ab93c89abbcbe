"""What each page of the console reads from the store, and how much of it is shown.

Page scripts run in this process, one after another, as Streamlit's own test runner runs them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from streamlit.testing.v1 import AppTest

from agent_console import bridge
from benchmarks.figures import Spread, spread
from ponte.bootstrap import open_ponte
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.message import Message
from ponte.ports import Page, Store
from ponte.settings import Settings

_RUNS: Final = 20
_TIMEOUT_S: Final = 60
_KINDS: Final = {Conversation: "conversations", Message: "messages", Contact: "contacts"}


class CountingStore:
    """A store that counts what it hands out.

    Args:
        inner: the store that does the work.
    """

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.calls: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()

    def clear(self) -> None:
        """Count from zero."""
        self.calls.clear()
        self.rows.clear()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for every method of the store
        method = getattr(self._inner, name)

        async def call(*args: object, **kwargs: object) -> object:
            result = await method(*args, **kwargs)
            self.calls[name] += 1
            for row in _rows(result):
                self.rows[_KINDS.get(type(row), "others")] += 1
            return result

        return call


@dataclass(frozen=True, slots=True)
class PageFigures:
    """One page.

    Args:
        page: its name.
        calls: of the store, a run.
        read: rows that the store handed out in a run, by kind.
        shown: what the page shows: rows of the queue, messages, agents ...
        script: whole runs of the page's script, alone on the machine, in ms.
    """

    page: str
    calls: int
    read: dict[str, int]
    shown: dict[str, int]
    script: Spread

    def row(self) -> dict[str, object]:
        """Return the columns of the table."""
        return {
            "page": self.page,
            "store calls": self.calls,
            "rows read": _listed(self.read),
            "shown": _listed(self.shown),
            "script ms p50": self.script.p50,
            "p95": self.script.p95,
        }


async def read_pages(settings: Settings, store: Store, token: str, conversation_id: str) -> list[PageFigures]:
    """Run each page some times, over a store that counts.

    Args:
        settings: the console's.
        store: a full one.
        token: of a supervisor's session.
        conversation_id: the one to open in the inbox.
    """
    counting = CountingStore(store)
    # The runner's thread is not one of Streamlit's own, which it mentions at every run.
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)
    async with open_ponte(settings, store=cast("Store", counting)) as ponte:
        bridge.install(bridge.Bridge(ponte, asyncio.get_running_loop()))
        try:
            return await asyncio.to_thread(_pages, counting, token, conversation_id)
        finally:
            bridge.uninstall()


def _pages(store: CountingStore, token: str, conversation_id: str) -> list[PageFigures]:
    wanted: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("inbox, waiting", {"tab": "waiting"}),
        ("inbox, all, a conversation open", {"tab": "all", "c": conversation_id}),
        ("floor", {"p": "floor"}),
        ("reports, 7 days", {"p": "reports"}),
    )
    return [_page(store, token, name, query) for name, query in wanted]


def _page(store: CountingStore, token: str, name: str, query: Mapping[str, str]) -> PageFigures:
    page = AppTest.from_function(_script, kwargs={"token": token})
    page.context["locale"] = "pt-BR"
    for key, value in query.items():
        page.query_params[key] = value
    page.run(timeout=_TIMEOUT_S)
    taken = []
    for _ in range(_RUNS):
        store.clear()
        begun = time.perf_counter()
        page.run(timeout=_TIMEOUT_S)
        taken.append(time.perf_counter() - begun)
    if page.exception:
        raise RuntimeError(f"The page {name} failed: {page.exception[0].message}")
    read = {kind: count for kind, count in sorted(store.rows.items()) if count}
    return PageFigures(name, store.calls.total(), read, _shown(page), spread(taken))


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _shown(page: AppTest) -> dict[str, int]:
    drawn = {e.key: json.loads(e.proto.json or e.proto.mixed.json) for e in page.get("bidi_component")}
    shown: Counter[str] = Counter()
    if "queue" in drawn:
        shown["conversations"] += len(drawn["queue"]["rows"])
    if "transcript" in drawn:
        shown["messages"] += len(drawn["transcript"]["messages"])
    if "floor" in drawn:
        desks = drawn["floor"]["desks"]
        shown["conversations"] += len(drawn["floor"]["queue"]) + sum(len(desk["cases"]) for desk in desks)
        shown["agents"] += len(desks)
    shown["charts"] += len(page.get("vega_lite_chart"))
    return {kind: count for kind, count in sorted(shown.items()) if count}


def _rows(result: object) -> Sequence[object]:
    if isinstance(result, Page):
        return result.items
    if isinstance(result, dict):
        return list(result.values())
    if isinstance(result, (list, tuple)):
        return result
    return [result] if type(result) in _KINDS else []


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())
