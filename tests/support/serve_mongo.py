"""Serves an empty MongoDB as a process of its own: prints its address, ends with stdin."""

from __future__ import annotations

import sys

from tests.fixtures.mongo_server import mongo_server

if __name__ == "__main__":
    with mongo_server() as uri:
        print(uri, flush=True)  # noqa: T201 - the answer
        sys.stdin.read()
