"""One browser tab of the console without a browser: Streamlit's WebSocket and the console's event stream.

It does what the page's script does: on each event it asks for a run of the fragment, not more often than
``live.js``, and not while one is under way.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.busy_office import PASSWORD

# As in agent_console/static/live.js.
_GAP_S: Final = 0.25
_SPREAD_S: Final = 0.6
_FIRST_RUN_S: Final = 60


@dataclass(slots=True)
class SessionFigures:
    """What one tab has seen.

    Args:
        runs: seconds from asking for a run of the fragment until it had finished.
        seen: for each mark that appeared, the ``time.time`` of its arrival.
        failures: runs that ended with an error.
    """

    runs: list[float] = field(default_factory=list)
    seen: dict[str, float] = field(default_factory=dict)
    failures: int = 0


class Tab:
    """A tab.

    Args:
        socket: Streamlit's.
        conversation_id: the one that is open in it.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, conversation_id: str) -> None:
        self.figures = SessionFigures()
        self.expected: set[str] = set()
        self._socket = socket
        self.conversation_id = conversation_id
        self._fragment = ""
        self._asked_at = 0.0
        self._due = math.inf
        self._asked = asyncio.Event()
        self._idle = asyncio.Event()
        self.ready = asyncio.Event()

    def look(self, within_s: float) -> None:
        """Ask for a run after so long, or before when one is asked for sooner."""
        self._due = min(self._due, time.perf_counter() + within_s)
        self._asked.set()

    async def first_run(self) -> None:
        """Draw the whole page."""
        await self._send()
        async with asyncio.timeout(_FIRST_RUN_S):
            await self.ready.wait()

    async def follow(self) -> None:
        """Ask for a run after each event, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._idle.wait()
            while (left := max(self._due, self._asked_at + _GAP_S) - time.perf_counter()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), left)
                self._asked.clear()
            self._due = math.inf
            await self._send()

    async def read(self) -> None:
        """Read what the server sends, until cancelled."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self._received(message.data)

    async def _send(self) -> None:
        asked = BackMsg()
        asked.rerun_script.query_string = f"tab=mine&c={self.conversation_id}"
        asked.rerun_script.context_info.locale = "pt-BR"
        asked.rerun_script.context_info.timezone = "America/Sao_Paulo"
        if self.ready.is_set():
            asked.rerun_script.fragment_id = self._fragment
        self._idle.clear()
        self._asked_at = time.perf_counter()
        await self._socket.send_bytes(asked.SerializeToString())

    def _received(self, data: bytes) -> None:
        for mark in [mark for mark in self.expected if mark.encode() in data]:
            self.expected.discard(mark)
            self.figures.seen[mark] = time.time()
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type")
        if kind == "delta" and "ponte_live" in str(message.delta.new_element.bidi_component.component_name):
            self._fragment = message.delta.fragment_id
        elif kind == "script_finished":
            self._finished(message.script_finished)

    def _finished(self, status: int) -> None:
        good = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if status not in good:
            self.figures.failures += 1
        elif self.ready.is_set():
            self.figures.runs.append(time.perf_counter() - self._asked_at)
        if self._fragment:
            self.ready.set()
        self._idle.set()


@asynccontextmanager
async def open_tab(url: str, email: str, conversation_id: str) -> AsyncIterator[Tab]:
    """Log in and open a conversation in a tab of its own, which follows its events while the block runs."""
    # Cookies of an address without a name are kept, too.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        form = {"email": email, "password": PASSWORD}
        async with http.post(f"{url}/agent/login", data=form, headers={"Origin": url}) as answer:
            answer.raise_for_status()
        async with http.ws_connect(
            f"{url}/agent/_stcore/stream", protocols=("streamlit",), headers={"Origin": url}, max_msg_size=0
        ) as socket:
            tab = Tab(socket, conversation_id)
            reader = asyncio.create_task(tab.read())
            await tab.first_run()
            tasks = [reader, asyncio.create_task(tab.follow()), asyncio.create_task(_listen(http, url, tab))]
            try:
                yield tab
            finally:
                for task in tasks:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(http: aiohttp.ClientSession, url: str, tab: Tab) -> None:
    """Look again whenever the server says that something changed."""
    timeout = aiohttp.ClientTimeout(total=None)
    event = b""
    async with http.get(f"{url}/agent/events", timeout=timeout) as stream:
        async for line in stream.content:
            if line.startswith(b"event: "):
                event = line
            elif line.startswith(b"data: ") and event.startswith(b"event: changed"):
                change = json.loads(line.removeprefix(b"data: "))
                if not change["ids"] or tab.conversation_id in change["ids"]:
                    tab.look(0)
                elif not change["elsewhere"]:
                    tab.look(random.random() * _SPREAD_S)
