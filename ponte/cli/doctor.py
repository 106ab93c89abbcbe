"""``ponte doctor``: is everything there that a live Ponte needs, and what waits for an operator?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import typer

from ponte.adapters.twilio.senders import webhook_of_sender
from ponte.bootstrap import Ponte, open_checkpoints, open_ponte
from ponte.errors import MessengerError, PonteError, SettingsError
from ponte.settings import Settings, load_settings

_DEAD_SHOWN: Final = 50
_RETRIES: Final = "#rc=5&rp=all"


RetryDead = Annotated[bool, typer.Option("--retry-dead", help="Put all dead inbox rows back to work.")]


class Level(StrEnum):
    """How a check went. ``FAIL`` makes the command exit with 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and what to do."""

    level: Level
    subject: str
    text: str


def register(app: typer.Typer) -> None:
    """Add this command to ``app``."""
    app.command()(doctor)


def doctor(
    retry_dead: RetryDead = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Check settings, database, prompts, and Twilio's webhook; show dead letters. Exits with 1 on a FAIL."""
    findings = asyncio.run(_examine(load_settings(), retry_dead=retry_dead))
    for finding in findings:
        print(f"{finding.level:<5} {finding.subject:<10} {finding.text}")
    if any(f.level is Level.FAIL for f in findings):
        raise typer.Exit(1)


async def _examine(settings: Settings, *, retry_dead: bool) -> list[Finding]:
    findings = [*_settings(settings), _prompts(settings)]
    findings += [finding async for finding in _store(settings, retry_dead=retry_dead)]
    findings.append(await _webhook(settings))
    return findings


def _settings(settings: Settings) -> list[Finding]:
    findings = []
    if not settings.twilio_account_sid or not settings.twilio_auth_token.get_secret_value():
        findings.append(
            Finding(Level.FAIL, "twilio", "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; see the README.")
        )
    if not settings.base_url.startswith("https://"):
        findings.append(
            Finding(
                Level.WARN,
                "base url",
                f"{settings.base_url} is not https: Twilio must reach it from outside.",
            )
        )
    if not settings.model_configured:
        findings.append(
            Finding(Level.WARN, "model", "No OPENAI_API_KEY: answers come from prompts/knowledge alone.")
        )
    findings += _secret_key(settings)
    return findings or [Finding(Level.OK, "settings", "complete")]


def _secret_key(settings: Settings) -> list[Finding]:
    """Tell what signs the links to files, where no key of their own does."""
    if settings.secret_key.get_secret_value():
        return []
    if settings.twilio_auth_token.get_secret_value():
        text = "SECRET_KEY is empty: links are signed by a key that follows from TWILIO_AUTH_TOKEN."
        return [Finding(Level.OK, "secret key", text)]
    text = "Set SECRET_KEY (openssl rand -hex 32): else only the process that sends a file can serve it."
    return [Finding(Level.WARN, "secret key", text)]


def _prompts(settings: Settings) -> Finding:
    from graph.prompt_check import check_folder  # noqa: PLC0415 - loads only what it runs

    errors = check_folder(settings.prompts_dir).errors
    if errors:
        return Finding(Level.FAIL, "prompts", f"{len(errors)} problem(s); run: ponte prompts check")
    return Finding(Level.OK, "prompts", str(settings.prompts_dir))


async def _store(settings: Settings, *, retry_dead: bool) -> AsyncIterator[Finding]:
    where = "MongoDB" if settings.mongo_uri.get_secret_value() else f"SQLite in {settings.data_dir}"
    try:
        async with open_ponte(settings) as ponte, open_checkpoints(settings):
            yield Finding(Level.OK, "database", where)
            async for finding in _waiting(ponte, retry_dead=retry_dead):
                yield finding
    except PonteError as error:
        yield Finding(Level.FAIL, "database", f"{where}: {error}")


async def _waiting(ponte: Ponte, *, retry_dead: bool) -> AsyncIterator[Finding]:
    if not any(not agent.disabled for agent in await ponte.store.agents()):
        yield Finding(
            Level.WARN, "agents", "Nobody can log in. Add somebody: ponte agent add EMAIL --name NAME"
        )
    outbox = await ponte.store.outbox_size()
    yield Finding(Level.OK, "outbox", f"{outbox} message(s) on the way to Twilio")
    dead = await ponte.store.dead(_DEAD_SHOWN)
    for row in dead:
        yield Finding(Level.WARN, "dead", f"{row.id} after {row.attempts} attempts: {row.error}")
    if dead and retry_dead:
        revived = [await ponte.store.revive(row.id, ponte.clock.now()) for row in dead]
        yield Finding(Level.OK, "dead", f"{sum(revived)} row(s) put back to work")
    elif dead:
        yield Finding(Level.WARN, "dead", "Mend the cause, then: ponte doctor --retry-dead")


async def _webhook(settings: Settings) -> Finding:
    """Twilio tries a webhook again only when its URL says so."""
    wanted = f"{settings.base_url}/webhook{_RETRIES}"
    try:
        found = await webhook_of_sender(settings)
    except (SettingsError, MessengerError) as error:
        return Finding(Level.WARN, "webhook", f"Could not be read from Twilio ({error}) It must be {wanted}")
    if found is None:
        return Finding(
            Level.WARN,
            "webhook",
            f"Twilio does not tell (the sandbox never does). In its console set {wanted}",
        )
    if found != wanted:
        return Finding(Level.FAIL, "webhook", f"Twilio calls {found or 'nothing'}; set {wanted}")
    return Finding(Level.OK, "webhook", wanted)
