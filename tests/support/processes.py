"""Ponte's processes for tests: started, killed, and surely ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NURSERY = Path(__file__).with_name("nursery.py")
_ROOT = _NURSERY.parents[2]
_END_S = 20.0
_LOOK_S = 0.02


class Nursery:
    """Forks processes of Ponte; see ``nursery.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lock = threading.Lock()

    async def ask(self, **request: object) -> dict[str, Any]:
        """Send one request and return its answer."""
        return await asyncio.to_thread(self._ask, request)

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError("The nursery has no pipes.")
        with self._lock:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            return self.answer()

    def answer(self) -> dict[str, Any]:
        """Read one answer. Raises RuntimeError when the nursery has ended."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("The nursery has ended; its traceback is above.")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def open_nursery() -> Iterator[Nursery]:
    """Start a nursery; at the end it and all it started are gone."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [
            sys.executable,
            # A library keeps a thread of its own for memory; it is of no use after a fork, and of no harm.
            "-Wignore:This process:DeprecationWarning",
            str(_NURSERY),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            # The root, for the packages; what else is on PYTHONPATH keeps the tests on this machine.
            "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]),
            # A process with threads must not fork; these libraries start theirs when loaded.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            # What was logged before a kill is in the log.
            "PYTHONUNBUFFERED": "1",
        },
        start_new_session=True,
    )
    with process:  # at the end its pipes are closed, which ends it, and it is waited for
        nursery = Nursery(process)
        nursery.answer()
        yield nursery


def know(data_dir: Path, learned: Path) -> None:
    """Let a new data folder share what was learned already: learning takes seconds of CPU."""
    data_dir.mkdir(parents=True)
    (data_dir / "cache").symlink_to(learned, target_is_directory=True)


@dataclass
class Running:
    """One process of Ponte, which may be killed and started again any number of times.

    Args:
        nursery: forks it.
        name: names its log.
        command: ``api``, ``worker`` or ``console``.
        env: its whole environment.
        folder: where it runs, and where its log is.
    """

    nursery: Nursery
    name: str
    command: str
    env: Mapping[str, str]
    folder: Path
    pid: int = 0
    kills: int = field(default=0, init=False)

    @property
    def log(self) -> Path:
        """The log of all its lives."""
        return self.folder / f"{self.name}.log"

    async def start(self) -> None:
        """Start it."""
        answer = await self.nursery.ask(
            do="start", args=[self.command], env=dict(self.env), folder=str(self.folder), log=str(self.log)
        )
        self.pid = answer["pid"]

    async def kill(self) -> None:
        """Kill it with SIGKILL. Raises AssertionError when it had ended by itself."""
        code = (await self.nursery.ask(do="signal", number=signal.SIGKILL, pid=self.pid))["code"]
        assert code == -9, f"{self.name} had ended by itself with {code}:\n{self.last_lines()}"
        self.kills += 1

    async def end(self, within_s: float = _END_S) -> int:
        """End it with SIGTERM and return its exit code. Raises TimeoutError when it does not end in time."""
        answer = await self.nursery.ask(do="signal", number=signal.SIGTERM, pid=self.pid)
        async with asyncio.timeout(within_s):
            while answer["code"] is None and answer["known"]:
                await asyncio.sleep(_LOOK_S)
                answer = await self.nursery.ask(do="look", pid=self.pid)
        return int(answer["code"] or 0)

    async def alive(self) -> bool:
        """Tell whether it runs."""
        answer = await self.nursery.ask(do="look", pid=self.pid)
        return bool(answer["known"]) and answer["code"] is None

    def events(self) -> Iterator[dict[str, Any]]:
        """Return what it logged, all its lives together."""
        if not self.log.exists():
            return
        for line in self.log.read_text("utf-8", "replace").splitlines():
            # A kill may cut a line short.
            if line.startswith("{") and line.endswith("}"):
                yield json.loads(line)

    def last_lines(self, count: int = 20) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-count:])


@contextmanager
def reserved_port() -> Iterator[int]:
    """Keep a port of 127.0.0.1 for a server that comes and goes.

    It stays bound here without listening: nobody else gets it, connections to it are refused while the
    server is away, and the server may listen on it, since both set SO_REUSEADDR.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]
