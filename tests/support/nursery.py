"""Starts Ponte's processes quickly: it loads their libraries once, and forks on request.

Loading takes seconds of CPU, so a process that is killed every few seconds would hardly live otherwise. A
child is what ``python -m ponte ...`` is: a process with its own id, arguments, environment, folder and event
loop. Only the loaded modules are shared; nothing is opened before the fork.

Each line of JSON on stdin is a request, each on stdout its answer. When stdin ends, all children are killed.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import traceback
from typing import Any, NoReturn

Json = dict[str, Any]

# What the commands `api`, `worker` and `console` import, some of it only once they run.
_LOADED = (
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "agent_console.frame",
    "agent_console.server",
    "api.app",
    "api.serving",
    "graph.agent_aid",
    "graph.lab",
    "graph.service",
    "graph.voice_notes",
    "ponte.cli",
)


def main() -> None:
    """Serve requests until stdin ends."""
    _load()
    children: set[int] = set()
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - the answer
    try:
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line), children)), flush=True)  # noqa: T201 - the answer
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def _load() -> None:
    for name in _LOADED:
        importlib.import_module(name)


def _answer(request: Json, children: set[int]) -> Json:
    """Carry out one request. Only pids of living children are ever signalled: they are reaped here alone."""
    if request["do"] == "start":
        pid = _start(request)
        children.add(pid)
        return {"pid": pid}
    pid = request["pid"]
    if pid not in children:
        return {"code": None, "known": False}
    if request["do"] == "signal":
        os.kill(pid, request["number"])
    found, status = os.waitpid(pid, 0 if request.get("number") == signal.SIGKILL else os.WNOHANG)
    if not found:
        return {"code": None, "known": True}
    children.discard(pid)
    return {"code": os.waitstatus_to_exitcode(status), "known": True}


def _start(request: Json) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        _become(request)
    except BaseException:  # noqa: BLE001 - the child's edge: it must not go on as a second nursery
        traceback.print_exc()
        os._exit(1)


def _become(request: Json) -> NoReturn:
    from ponte.cli import main as run  # noqa: PLC0415 - loaded long before

    # The streams of Python are on these descriptors already.
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    random.seed()
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    sys.argv = ["ponte", *request["args"]]
    try:
        run()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
