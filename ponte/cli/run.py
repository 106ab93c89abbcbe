"""The commands that run servers: ``ponte api|worker|console|simulator|demo``."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from ponte.bootstrap import open_ponte
from ponte.logs import configure_logging, known_secrets
from ponte.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add these commands to ``app``."""
    for command in (api, worker, console, simulator, demo):
        app.command()(command)


def api() -> None:
    """Serve webhooks, the agent API and metrics; with a worker inside unless RUN_WORKER=false."""
    from api.app import create_app  # noqa: PLC0415 - each command loads only what it runs
    from api.serving import run_api  # noqa: PLC0415 - as above
    from graph.agent_aid import open_aid  # noqa: PLC0415 - as above
    from graph.lab import open_lab  # noqa: PLC0415 - as above
    from graph.service import run_service  # noqa: PLC0415 - as above
    from graph.voice_notes import open_voice  # noqa: PLC0415 - as above

    settings = _configured()
    app = create_app(settings, background=run_service, voice=open_voice, aid=open_aid, lab=open_lab)
    _collect_less()
    run_api(app, settings.host, settings.port)


def worker() -> None:
    """Run turns and deliver messages, without HTTP. Any number of workers may share one MongoDB."""
    from graph.service import run_service  # noqa: PLC0415 - each command loads only what it runs
    from graph.voice_notes import open_voice  # noqa: PLC0415 - as above

    settings = _configured()

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with open_ponte(settings, voice=open_voice) as ponte, run_service(ponte):
            await stop.wait()

    _collect_less()
    # The event loop that `ponte api` gets from uvicorn, where the platform has it.
    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(run())


def console() -> None:
    """Serve the agents' console."""
    from agent_console.server import serve  # noqa: PLC0415 - each command loads only what it runs
    from graph.agent_aid import open_aid  # noqa: PLC0415 - as above
    from graph.lab import open_lab  # noqa: PLC0415 - as above
    from graph.voice_notes import open_voice  # noqa: PLC0415 - as above

    settings = _configured()
    _collect_less()
    asyncio.run(serve(settings, voice=open_voice, aid=open_aid, lab=open_lab))


def simulator() -> None:
    """Serve a local WhatsApp in Twilio's place: its REST API, its webhooks, and a phone to write from."""
    from api.serving import run_api  # noqa: PLC0415 - each command loads only what it runs
    from simulator.app import create_app  # noqa: PLC0415 - each command loads only what it runs
    from simulator.config import DEMO_CUSTOMERS, SimulatorConfig  # noqa: PLC0415 - as above

    settings = _configured()
    config = SimulatorConfig(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        business_number=settings.twilio_whatsapp_number,
        webhook_url=f"{settings.base_url}/webhook#rc=5&rp=all",
        customers=DEMO_CUSTOMERS,
        # Files are fetched from the very address that stands in for Twilio, whatever name a browser uses.
        public_url=settings.twilio_api_base_url or None,
    )
    run_api(create_app(config), settings.host, settings.simulator_port)


def demo(
    data_dir: Annotated[
        Path, typer.Option(help="Where the demo keeps its data. Delete the folder to begin anew.")
    ] = Path("var/demo"),
) -> None:
    """Run everything on this machine: API with worker, agent console, and a simulated WhatsApp."""
    from ponte.cli.demo import run_demo  # noqa: PLC0415 - each command loads only what it runs

    raise SystemExit(run_demo(load_settings(data_dir=data_dir)))


def _collect_less() -> None:
    """Spare the garbage collector what was loaded for good, and let it look less often.

    Its defaults walk all libraries' objects again and again: a tenth of a turn's CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _configured() -> Settings:
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, secrets=known_secrets(settings))
    return settings
