"""``ponte agent``: who may log in to the console and the agent API."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ponte.bootstrap import Ponte
from ponte.cli.session import with_ponte
from ponte.domain.agent import Role
from ponte.errors import InvalidInput

app = typer.Typer(help="Add, list and disable the people who log in.", no_args_is_help=True)

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking.")
]


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="What they log in with.")],
    name: Annotated[str, typer.Option(help="As customers and colleagues see it.")],
    role: Annotated[Role, typer.Option(help="What they are there for.")] = Role.AGENT,
    password_stdin: PasswordStdin = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Add somebody. Asks for the password twice."""
    password = _password(from_stdin=password_stdin)

    async def act(ponte: Ponte) -> None:
        agent = await ponte.accounts.add(email, name, role, password)
        print(f"Added {agent.email} ({agent.role}).")

    with_ponte(act)


@app.command()
def password(
    email: Annotated[str, typer.Argument(help="Whose password to set.")],
    password_stdin: PasswordStdin = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Set a new password, end all sessions, and enable the account again."""
    secret = _password(from_stdin=password_stdin)

    async def act(ponte: Ponte) -> None:
        agent = await ponte.accounts.set_password(email, secret)
        print(f"Password set for {agent.email}.")

    with_ponte(act)


@app.command("list")
def list_agents() -> None:
    """List everybody who may log in, and who no longer may."""

    async def act(ponte: Ponte) -> None:
        agents = await ponte.store.agents()
        if not agents:
            print("Nobody yet. Add somebody: ponte agent add EMAIL --name NAME")
        for agent in agents:
            print(f"{agent.email}\t{agent.name}\t{agent.role}\t{'disabled' if agent.disabled else 'active'}")

    with_ponte(act)


@app.command()
def disable(email: Annotated[str, typer.Argument(help="Who may no longer log in.")]) -> None:
    """Lock somebody out at once: no login, and all sessions end."""

    async def act(ponte: Ponte) -> None:
        agent = await ponte.accounts.disable(email)
        print(f"Disabled {agent.email}.")

    with_ponte(act)


def _password(*, from_stdin: bool) -> str:
    if not from_stdin:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise InvalidInput("Standard input held no password. Pipe one in, on its first line.")
    return secret
