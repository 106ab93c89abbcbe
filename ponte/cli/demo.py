"""``ponte demo``: the whole of Ponte on one machine, with a simulated WhatsApp and no account anywhere."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from ponte.bootstrap import open_ponte
from ponte.domain.agent import Role
from ponte.errors import SettingsError
from ponte.settings import Settings, load_settings

DEMO_AGENT: Final = "ana@demo.example"
_START_S: Final = 90.0
_STOP_S: Final = 30.0
_POLL_S: Final = 0.2
_ALIVE: Final = {"simulator": "/sim/state", "api": "/readyz", "console": "/healthz"}


def run_demo(settings: Settings) -> int:
    """Start simulator, API with worker, and console; stop all when one ends or the user interrupts.

    Args:
        settings: ports and the data directory; a model is used when one is configured.

    Returns:
        0 after an interrupt, 1 when a part ended by itself.

    Raises:
        SettingsError: a port is taken.
    """
    ports = {
        "simulator": settings.simulator_port,
        "api": settings.port,
        "console": settings.console_port,
    }
    for name, port in ports.items():
        _require_free(name, port)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    environment = _environment(settings)
    password = asyncio.run(_demo_agent(environment))
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stopping.append(received))
    print("Starting Ponte ...", flush=True)
    with ExitStack() as stack:
        parts = {name: stack.enter_context(_Part(name, settings.data_dir, environment)) for name in _ALIVE}
        urls = {name: f"http://127.0.0.1:{port}{_ALIVE[name]}" for name, port in ports.items()}
        if not _wait_until_up(parts, urls, stopping):
            return _ended(parts, stopping)
        print(_welcome(settings, password), flush=True)
        while not stopping and all(part.running for part in parts.values()):
            time.sleep(_POLL_S)
        print("\nStopping ...", flush=True)
        return _ended(parts, stopping)


class _Part:
    """A process of the demo; it ends with the block."""

    def __init__(self, name: str, data_dir: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log = data_dir / f"{name}.log"
        self._environment = environment

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the demo alone, which stops the parts in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "ponte", self.name],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """False once the process has ended."""
        return self._process.poll() is None

    def last_lines(self, count: int = 15) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-count:])


def _environment(settings: Settings) -> dict[str, str]:
    """The parts talk to each other on the loopback interface, with keys made for this run."""
    return {
        **os.environ,
        "TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "TWILIO_WHATSAPP_NUMBER": "whatsapp:+14155238886",
        "TWILIO_API_BASE_URL": f"http://127.0.0.1:{settings.simulator_port}",
        "BASE_URL": f"http://127.0.0.1:{settings.port}",
        "HOST": "127.0.0.1",
        "PORT": str(settings.port),
        "CONSOLE_PORT": str(settings.console_port),
        "SIMULATOR_PORT": str(settings.simulator_port),
        "DATA_DIR": str(settings.data_dir),
        "MONGO_URI": "",
        "SECRET_KEY": secrets.token_urlsafe(32),
        "RUN_WORKER": "true",
        "PYTHONUNBUFFERED": "1",
    }


async def _demo_agent(environment: dict[str, str]) -> str:
    """Create the demo's agent, or give them a new password; returns it."""
    password = f"ponte-{secrets.token_hex(3)}"
    settings = load_settings(data_dir=Path(environment["DATA_DIR"]), mongo_uri="")
    async with open_ponte(settings) as ponte:
        if await ponte.store.agent_by_email(DEMO_AGENT):
            await ponte.accounts.set_password(DEMO_AGENT, password)
        else:
            await ponte.accounts.add(DEMO_AGENT, "Ana", Role.SUPERVISOR, password)
    return password


def _require_free(name: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            variable = {"api": "PORT", "console": "CONSOLE_PORT", "simulator": "SIMULATOR_PORT"}[name]
            raise SettingsError(
                f"Port {port} is taken; the {name} needs it. Stop what uses it, or choose another: "
                f"{variable}={port + 10} make demo"
            ) from None


def _wait_until_up(parts: dict[str, _Part], urls: dict[str, str], stopping: list[int]) -> bool:
    deadline = time.monotonic() + _START_S
    waiting = dict(urls)
    while waiting and not stopping and time.monotonic() < deadline:
        if not all(part.running for part in parts.values()):
            return False
        for name, url in list(waiting.items()):
            if _answers(url):
                del waiting[name]
        time.sleep(_POLL_S)
    return not waiting


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a loopback address of our own
            return True
    except (urllib.error.URLError, OSError):
        return False


def _ended(parts: dict[str, _Part], stopping: list[int]) -> int:
    if stopping:
        return 0
    for part in parts.values():
        if not part.running:
            print(f"The {part.name} ended. The end of {part.log}:\n{part.last_lines()}", file=sys.stderr)
    return 1


def _welcome(settings: Settings, password: str) -> str:
    answers = (
        f"the model {settings.openai_chat_model}"
        if settings.model_configured
        else "the FAQ in prompts/knowledge (no OPENAI_API_KEY, so no language model)"
    )
    return f"""
  Ponte is running. Answers come from {answers}.

  Customer   http://localhost:{settings.simulator_port}
             a phone: ask "qual o preço da aula?", then "quero falar com atendente"
  Agent      http://localhost:{settings.console_port}/agent/login
             {DEMO_AGENT}   password: {password}
  API        http://localhost:{settings.port}   (/readyz, /metrics, /openapi.json)

  Data and logs are in {settings.data_dir}. Stop with Ctrl-C.
"""
