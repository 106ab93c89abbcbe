"""Accounts: who may log in, how often they may try, and what is kept of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ponte.accounts import SESSION_MS, Accounts
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.agent import Role
from ponte.errors import InvalidInput, NotFound, Throttled, Unauthenticated
from ponte.testing import ManualClock
from tests.fixtures.api_office import QUICK_HASHING

PASSWORD = "correct horse battery"
EMAIL = "ana@example.com"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Open an empty store."""
    async with open_sqlite(tmp_path / "data") as opened:
        await opened.migrate()
        yield opened


@pytest.fixture
def accounts(store: SqliteStore, manual_clock: ManualClock) -> Accounts:
    """Return accounts with quick hashing."""
    return Accounts(store, manual_clock, QUICK_HASHING)


async def test_passwords_and_tokens_are_kept_as_hashes(accounts: Accounts, store: SqliteStore) -> None:
    """What is stored opens nothing: Argon2id for the password, SHA-256 for the token."""
    agent = await accounts.add(" Ana@Example.com ", " Ana ", Role.AGENT, PASSWORD)
    token, _ = await accounts.log_in(EMAIL, PASSWORD, "1.2.3.4")

    assert (agent.email, agent.name) == (EMAIL, "Ana")
    assert agent.password_hash.startswith("$argon2id$")
    assert len(token) >= 43
    assert await store.session(token) is None
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)


async def test_the_default_hashing_is_argon2id(store: SqliteStore, manual_clock: ManualClock) -> None:
    """Production uses at least OWASP's 19 MiB."""
    agent = await Accounts(store, manual_clock).add(EMAIL, "Ana", Role.AGENT, PASSWORD)

    memory = re.match(r"\$argon2id\$v=19\$m=(\d+),", agent.password_hash)
    assert memory is not None
    assert int(memory[1]) >= 19 * 1024


@pytest.mark.parametrize(
    ("email", "name", "password"),
    [
        ("", "Ana", PASSWORD),
        ("ana", "Ana", PASSWORD),
        ("ana@localhost", "Ana", PASSWORD),
        ("a na@example.com", "Ana", PASSWORD),
        (EMAIL, "  ", PASSWORD),
        (EMAIL, "Ana", "short"),
        (EMAIL, "Ana", "x" * 257),
        (EMAIL, "Ana", "ANA@example.com"),
    ],
)
async def test_a_bad_account_is_refused(accounts: Accounts, email: str, name: str, password: str) -> None:
    """Malformed e-mails, empty names and weak passwords make no account."""
    with pytest.raises(InvalidInput):
        await accounts.add(email, name, Role.AGENT, password)


async def test_an_email_is_taken_once(accounts: Accounts) -> None:
    """Upper and lower case are the same e-mail."""
    await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
    with pytest.raises(InvalidInput):
        await accounts.add(EMAIL.upper(), "Other", Role.ADMIN, PASSWORD)


async def test_a_login_lasts_until_its_end(accounts: Accounts, manual_clock: ManualClock) -> None:
    """A token is good for its time, and until the log-out."""
    agent = await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
    token, who = await accounts.log_in("ANA@example.com", PASSWORD, "1.2.3.4")
    other, _ = await accounts.log_in(EMAIL, PASSWORD, "1.2.3.4")

    assert who == agent == await accounts.who(token)
    await accounts.log_out(other)
    with pytest.raises(Unauthenticated):
        await accounts.who(other)
    assert await accounts.who(token) == agent
    manual_clock.advance(SESSION_MS)
    with pytest.raises(Unauthenticated):
        await accounts.who(token)


@pytest.mark.parametrize("token", ["", "x", "é", "\ud800", "x" * 10_000])
async def test_a_foreign_token_is_nobody(accounts: Accounts, token: str) -> None:
    """Whatever it is made of."""
    with pytest.raises(Unauthenticated):
        await accounts.who(token)


async def test_wrong_and_unknown_look_alike(accounts: Accounts) -> None:
    """The message does not tell whether the account exists."""
    await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
    said = set()
    for email, password in (
        (EMAIL, "wrong"),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        (EMAIL, "x" * 5000),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await accounts.log_in(email, password, "1.2.3.4")
        said.add(str(refused.value))

    assert len(said) == 1


async def test_tries_are_counted_per_account(accounts: Accounts, manual_clock: ManualClock) -> None:
    """After ten tries the account waits, from wherever; a success forgets the tries before it."""
    await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
    for _ in range(2):
        for n in range(9):
            with pytest.raises(Unauthenticated):
                await accounts.log_in(EMAIL, "wrong", f"10.0.0.{n}")
        await accounts.log_in(EMAIL, PASSWORD, "10.0.1.1")
    for n in range(10):
        with pytest.raises(Unauthenticated):
            await accounts.log_in(EMAIL, "wrong", f"10.0.2.{n}")
    with pytest.raises(Throttled) as throttled:
        await accounts.log_in(EMAIL, PASSWORD, "10.0.3.1")

    manual_clock.advance(throttled.value.retry_after_ms)
    await accounts.log_in(EMAIL, PASSWORD, "10.0.3.1")


async def test_tries_are_counted_per_address(accounts: Accounts) -> None:
    """One address cannot try many accounts."""
    for n in range(50):
        with pytest.raises(Unauthenticated):
            await accounts.log_in(f"a{n}@example.com", "wrong", "6.6.6.6")
    await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)

    with pytest.raises(Throttled):
        await accounts.log_in(EMAIL, PASSWORD, "6.6.6.6")
    await accounts.log_in(EMAIL, PASSWORD, "7.7.7.7")


async def test_a_disabled_agent_is_out(accounts: Accounts) -> None:
    """Their sessions end at once, and the right password no longer helps."""
    await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
    token, _ = await accounts.log_in(EMAIL, PASSWORD, "1.2.3.4")
    await accounts.disable(EMAIL.upper())

    with pytest.raises(Unauthenticated):
        await accounts.who(token)
    with pytest.raises(Unauthenticated):
        await accounts.log_in(EMAIL, PASSWORD, "1.2.3.4")
    with pytest.raises(NotFound):
        await accounts.disable("nobody@example.com")


async def test_a_new_password_ends_old_sessions(accounts: Accounts) -> None:
    """Who had the old password or a session of it is out."""
    await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
    token, _ = await accounts.log_in(EMAIL, PASSWORD, "1.2.3.4")
    await accounts.set_password(EMAIL, "another good one")

    for refused in (accounts.who(token), accounts.log_in(EMAIL, PASSWORD, "1.2.3.4")):
        with pytest.raises(Unauthenticated):
            await refused
    await accounts.log_in(EMAIL, "another good one", "1.2.3.4")


async def test_what_happened_is_in_the_audit_log(accounts: Accounts, store: SqliteStore) -> None:
    """Adding, logging in and disabling are recorded, without e-mail or password."""
    agent = await accounts.add(EMAIL, "Ana", Role.AGENT, PASSWORD)
    await accounts.log_in(EMAIL, PASSWORD, "1.2.3.4")
    await accounts.disable(EMAIL)

    entries = await store.audit_log()
    assert {(e.actor, e.action) for e in entries} == {
        ("operator", "agent_added"),
        (agent.id, "login"),
        ("operator", "agent_disabled"),
    }
    assert PASSWORD not in str(entries)
