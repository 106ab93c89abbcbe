"""``python -m benchmarks``: measure, and print tables. See benchmarks/README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

import uvloop

from benchmarks.console import ConsoleFigures, Watching
from benchmarks.console import measure as measure_console
from benchmarks.conversation_length import LENGTHS, LengthFigures
from benchmarks.conversation_length import measure as measure_length
from benchmarks.figures import table, this_machine
from benchmarks.path import Load, PathFigures, Setup
from benchmarks.path import measure as measure_path
from benchmarks.voice import VoiceFigures
from benchmarks.voice import measure as measure_voice

SETUPS = {
    "alone-0": Setup(0),
    "alone-200": Setup(200),
    "beside-200": Setup(200, workers=1),
    "apart-200": Setup(200, worker_inside=False, workers=2),
}


def main() -> None:
    """Run what was asked for."""
    given = _arguments()
    machine = this_machine()
    print(f"{machine.cpu}, {machine.cores} cores, {machine.system}, Python {machine.python}")
    print(
        f"load average {machine.load_1m} before the start; fsync {machine.fsync_ms} ms; "
        f"Python {machine.python_ms} ms; seed {given.seed}\n"
    )
    path: list[PathFigures] = []
    length: list[LengthFigures] = []
    voice: list[VoiceFigures] = []
    console: ConsoleFigures | None = None
    if given.what in {"path", "all"}:
        load = Load(given.customers, given.rate, even=given.even, seconds=given.seconds, seed=given.seed)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for name in given.setup or SETUPS:
                for _ in range(given.repeat):
                    found = runner.run(measure_path(SETUPS[name], load))
                    path += found
                    print(table([figures.row() for figures in found]), flush=True)
        print(f"\nThe whole path: ms, without the model's time\n\n{table([f.row() for f in path])}\n")
    if given.what in {"length", "all"}:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            length = runner.run(measure_length(given.lengths))
        print(f"A turn at message n of one conversation\n\n{table([f.row() for f in length])}\n")
    if given.what in {"voice", "all"}:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            voice = runner.run(measure_voice())
        print(f"A voice turn beside a text turn\n\n{table([f.row() for f in voice])}\n")
    if given.what in {"console", "all"}:
        with asyncio.Runner() as runner:
            console = runner.run(measure_console(Watching(seconds=given.watched, seed=given.seed)))
        print(f"What the console's pages read and show\n\n{table([page.row() for page in console.pages])}\n")
        print(f"20 sessions, 2 events a second\n\n{table(console.rows())}\n")
        print(
            f"{console.lost} messages did not appear, {console.failed} runs failed; the console used "
            f"{console.console_cpu} of a core; the store was filled in {console.seeded_s} s\n"
        )
    if given.json:
        report = {
            "machine": machine.plain(),
            "path": [figures.plain() for figures in path],
            "length": [figures.plain() for figures in length],
            "voice": [figures.plain() for figures in voice],
            "console": console.plain() if console else None,
        }
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what", nargs="?", default="all", choices=("all", "path", "length", "voice", "console")
    )
    parser.add_argument("--setup", action="append", choices=SETUPS, help="of path; may be repeated")
    parser.add_argument("--seconds", type=float, default=20.0, help="the length of each phase")
    parser.add_argument("--rate", type=float, default=40.0, help="messages a second; 0: only capacity")
    parser.add_argument("--even", action="store_true", help="at equal intervals, not at random moments")
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1, help="how often each set-up of path is measured")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS), help="of length")
    parser.add_argument("--watched", type=float, default=40.0, help="seconds of console")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
