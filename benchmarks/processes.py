"""The processes under measurement: real ``ponte`` commands on a folder of their own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp

_ROOT = Path(__file__).resolve().parent.parent
_START_S = 90.0
_STOP_S = 30.0


class Process:
    """One running ``ponte`` command.

    Args:
        command: ``api`` or ``worker``.
        log: where its output goes.
        environment: all of its environment.
    """

    def __init__(self, command: str, log: Path, environment: Mapping[str, str]) -> None:
        self.command = command
        self._log = log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "ponte", command],
                env=dict(environment),
                cwd=_ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far, its threads' included. Raises RuntimeError when it has ended."""
        if self._popen.poll() is not None:
            raise RuntimeError(f"ponte {self.command} ended by itself:\n{self.last_lines()}")
        return cpu_seconds(self.pid)

    def problems(self) -> int:
        """Return how many warnings and errors it logged."""
        text = self._log.read_text("utf-8", "replace")
        return sum(text.count(f'"level": "{level}"') for level in ("warning", "error", "critical"))

    def last_lines(self, count: int = 20) -> str:
        """Return the end of its log."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-count:])

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        self._popen.terminate()
        try:
            self._popen.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


@contextmanager
def running(command: str, log: Path, environment: Mapping[str, str]) -> Iterator[Process]:
    """Run a ``ponte`` command for the length of the block."""
    process = Process(command, log, environment)
    try:
        yield process
    finally:
        process.stop()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, user and system, from /proc (Linux only)."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until_ready(url: str, process: Process) -> None:
    """Wait until ``url`` answers 200. Raises RuntimeError when it never does."""
    deadline = time.monotonic() + _START_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            process.cpu_seconds()
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"{url} was not ready within {_START_S:.0f} s:\n{process.last_lines()}")
