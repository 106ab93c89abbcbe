"""Keeps a Python process on this machine: looked-up names and connections other than loopback fail.

The test session loads it by path, and has it on ``PYTHONPATH``, so that every Python process that a test
starts loads it too, before anything else. A refused attempt is also written to the file that
``TESTS_REFUSED``
names: the test fails for it, even where the code under test swallowed the error.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

REFUSED = "TESTS_REFUSED"

_LOCAL_NAMES = frozenset({"", "localhost", "ip6-localhost", socket.gethostname().lower()})


class OutsideWorld(RuntimeError):
    """A test tried to leave this machine."""


def is_local(host: object) -> bool:
    """Say whether a host, as sockets take it, is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    name = name.lower().partition("%")[0]
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in _LOCAL_NAMES
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _refuse(host: object) -> None:
    if is_local(host):
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    if name.endswith(".invalid"):
        # RFC 6761: such a name never exists, so a test may use it for a host that cannot be found.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    message = f"A test tried to reach {name}: tests stay on this machine. Serve it on 127.0.0.1."
    record = os.environ.get(REFUSED)
    if record:
        with Path(record).open("a", encoding="utf-8") as file:
            file.write(message + "\n")
    raise OutsideWorld(message)


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = args[1]
        if isinstance(address, tuple):  # anything else is a Unix socket's path
            _refuse(address[0])
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        _refuse(args[0])


def _guard_uvloop() -> None:
    """Uvloop connects and looks names up in C, where no audit event is raised."""
    try:
        import uvloop  # noqa: PLC0415 - only where it is installed
    except ImportError:
        return
    for name, position in (("create_connection", 1), ("getaddrinfo", 0)):
        setattr(uvloop.Loop, name, _guarded(getattr(uvloop.Loop, name), position))


def _guarded(original: Callable[..., Awaitable[object]], position: int) -> Callable[..., Awaitable[object]]:
    async def call(loop: object, *args: object, **kwargs: object) -> object:
        _refuse(args[position] if len(args) > position else kwargs.get("host"))
        return await original(loop, *args, **kwargs)

    return call


sys.addaudithook(_hook)
_guard_uvloop()
