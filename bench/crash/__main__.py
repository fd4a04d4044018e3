"""Crash a sandbox and count what is left.

python -m bench.crash --kills 200 --database sqlite
python -m bench.crash --cuts 20 --database postgresql
python -m bench.crash --cuts 1 --lies      the proof that a loss would be noticed

Prints a report and, with --to, adds it to a JSON file. Exits with 1 if anything was
lost or needed a hand; with --lies, if nothing was lost.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from logging import ERROR
from pathlib import Path

import structlog
import uvloop

from bench.crash.runs import Result, kill_run, power_run
from bench.crash.world import Plan


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=0, help="processes to kill")
    parser.add_argument("--cuts", type=int, default=0, help="times to cut the power")
    parser.add_argument("--lies", action="store_true", help="fsync does nothing")
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="sqlite"
    )
    parser.add_argument(
        "--hurry", action="store_true", help="restart the servers to time-stamp"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, help="a JSON file that collects results")
    parser.add_argument("arguments", nargs="*", help="for `security-server run`")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERROR))
    plan = Plan(chosen.database, lies=chosen.lies, arguments=tuple(chosen.arguments))
    runs = []
    if chosen.kills:
        runs.append(kill_run(plan, chosen.kills, chosen.seed, hurry=chosen.hurry))
    if chosen.cuts:
        runs.append(power_run(plan, chosen.cuts, chosen.seed, hurry=chosen.hurry))
    results = [uvloop.run(_stoppable(run)) for run in runs]
    for result in results:
        print("\n".join(result.lines()))
    if chosen.to:
        _write(chosen.to, results)
    if chosen.lies:
        return 0 if any(result.difference for result in results) else 1
    return 0 if results and all(result.is_good for result in results) else 1


async def _stoppable(run: Coroutine[object, object, Result]) -> Result:
    """Stop the servers too when we are told to stop."""
    task = asyncio.ensure_future(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _write(path: Path, results: list[Result]) -> None:
    known = json.loads(path.read_text("utf-8")) if path.exists() else []
    known += [result.as_dict() for result in results]
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
