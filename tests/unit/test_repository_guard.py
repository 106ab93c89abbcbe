"""The suite itself: tests stay on this machine and see no settings but their own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from ponte.settings import load_settings

_REFUSED = "TESTS_REFUSED"
_ELSEWHERE = "192.0.2.1"  # RFC 5737: an address for documentation


@pytest.fixture
def own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep this test's refused attempts out of the record that makes tests fail."""
    record = tmp_path / "refused.log"
    monkeypatch.setenv(_REFUSED, str(record))
    return record


def test_a_connection_to_another_machine_is_refused_and_recorded(own_record: Path) -> None:
    """A plain socket cannot leave this machine, and the attempt is on record."""
    with socket.socket() as sock, pytest.raises(RuntimeError, match=r"tried to reach 192\.0\.2\.1"):
        sock.connect((_ELSEWHERE, 443))
    assert _ELSEWHERE in own_record.read_text()


def test_a_name_is_not_looked_up(own_record: Path) -> None:
    """The name of a model's server is refused before any DNS server hears of it."""
    with pytest.raises(RuntimeError, match=r"model\.example"):
        socket.getaddrinfo("model.example", 443)
    assert "model.example" in own_record.read_text()


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_no_event_loop_leaves_this_machine(own_record: Path, factory: type) -> None:
    """Neither asyncio nor uvloop, which connects in C, gets through."""

    async def leave() -> None:
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, _ELSEWHERE, 443)

    with asyncio.Runner(loop_factory=factory) as runner, pytest.raises(RuntimeError, match="tests stay"):
        runner.run(leave())
    assert own_record.exists()


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_loopback_is_open(factory: type) -> None:
    """Servers on 127.0.0.1 are reached by name and by address, on both event loops."""

    async def visit(host: str) -> bytes:
        server = await asyncio.start_server(_greet, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(host, server.sockets[0].getsockname()[1])
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
        return answer

    with asyncio.Runner(loop_factory=factory) as runner:
        assert [runner.run(visit(host)) for host in ("127.0.0.1", "localhost")] == [b"hi", b"hi"]


async def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hi")
    await writer.drain()
    writer.close()


def test_started_processes_are_held_back_too(own_record: Path) -> None:
    """A Python process that a test starts inherits the guard."""
    script = f"import socket; socket.create_connection(({_ELSEWHERE!r}, 443))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert done.returncode == 1
    assert "tests stay on this machine" in done.stderr
    assert _ELSEWHERE in own_record.read_text()


def test_a_name_that_cannot_exist_fails_as_it_does_everywhere() -> None:
    """A test may use a name under .invalid for a server that is not found."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("mongo.invalid", 27017)


def test_settings_come_from_the_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the developer's environment nor a ``.env`` file reaches a test; what the test sets does."""
    assert not Path(".env").exists()
    assert not [name for name in os.environ if name.startswith(("OPENAI_", "TWILIO_", "MONGO"))]
    monkeypatch.setenv("DEBOUNCE_MS", "7")
    settings = load_settings()
    assert (settings.debounce_ms, settings.model_configured) == (7, False)
