"""Soak two servers: `python -m bench.soak --minutes 30`.

Finds the peak rate, keeps 70 % of it, makes a fault every minute, and at the end looks
for growth and for every answer that a client got. Draws a picture and writes a report;
exits with 1 if anything grew, was left behind or was lost.
"""

import argparse
import asyncio
import json
import signal
import statistics
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from logging import ERROR
from pathlib import Path

import structlog
import uvloop

from bench.soak.picture import draw
from bench.soak.run import Soak, soak
from bench.soak.samples import Sample


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.7, help="of the peak rate")
    parser.add_argument("--picture", type=Path, default=Path("soak.svg"))
    parser.add_argument("--report", type=Path, default=Path("soak.json"))
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ERROR))

    def say(text: str) -> None:
        print(text, flush=True)

    run = soak(chosen.minutes, chosen.seed, chosen.share, say)
    result = uvloop.run(_stoppable(run))
    title = (
        f"{chosen.minutes:.0f} minutes at {100 * chosen.share:.0f} % of the peak rate, "
        "with a fault every minute"
    )
    picture = draw(title, result.samples, result.faults)
    chosen.picture.write_text(picture, encoding="utf-8")
    chosen.report.write_text(json.dumps(_as_dict(result), indent=1), encoding="utf-8")
    print("\n".join(table(result)))
    return 1 if result.troubles or any(result.lost.values()) else 0


async def _stoppable(run: Coroutine[object, object, Soak]) -> Soak:
    """Stop the servers too when we are told to stop."""
    task = asyncio.ensure_future(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def table(result: Soak) -> list[str]:
    """Return the report for people, a Markdown table."""
    samples = result.samples
    calm = [s for s in samples if s.seconds > 60 * result.calm] or samples
    begin, end = calm[: len(calm) // 5 or 1], calm[-(len(calm) // 5 or 1) :]
    rows = [
        ("peak, then kept, answers a second", f"{result.peak:.0f}, {result.rate:.0f}"),
        ("faults", str(len(result.faults))),
        ("answers acknowledged", f"{result.acknowledged:,}"),
        (
            "of them not in the consumer's, the provider's log",
            ", ".join(str(n) for n in result.lost.values()),
        ),
        (
            "answers picked at random and verified in both logs, with containers",
            _verified(result),
        ),
        ("requests that failed or were refused", f"{sum(result.answers.values()):,}"),
        ("median p50 / p99, ms", _two(samples, lambda s: (s.p50_ms, s.p99_ms))),
        (
            "memory (PSS) consumer / provider, MB, first fifth of the calm part",
            _two(begin, lambda s: s.memory_mb),
        ),
        ("the same, last fifth", _two(end, lambda s: s.memory_mb)),
        (
            "open handles consumer / provider, first fifth of the calm part",
            _two(begin, lambda s: s.handles),
        ),
        ("the same, last fifth", _two(end, lambda s: s.handles)),
        ("temporary files at the end", _two(samples[-1:], lambda s: s.temporary)),
        (
            "most records waiting for a time-stamp",
            f"{max(max(s.backlog) for s in samples):,}",
        ),
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return lines + [f"TROUBLE {trouble}" for trouble in result.troubles]


def _verified(result: Soak) -> str:
    sides = (result.consumer, result.provider)
    containers = sum(side.containers for side in sides)
    verified = min(side.verified for side in sides)
    return f"{verified:,} of {_picked(result):,} ({containers:,} containers)"


def _picked(result: Soak) -> int:
    return result.consumer.answers + len(result.consumer.lost)


def _two(samples: Sequence[Sample], of) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - of two numbers
    pairs = [of(sample) for sample in samples]
    return " / ".join(
        f"{statistics.median(side):.0f}" for side in zip(*pairs, strict=True)
    )


def _as_dict(result: Soak) -> dict[str, object]:
    faults = [{"minute": f.minute, "name": f.name} for f in result.faults]
    kept = {"samples": [asdict(s) for s in result.samples], "faults": faults}
    plain = ("seed", "peak", "rate", "calm", "acknowledged", "answers", "lost")
    kept |= {name: getattr(result, name) for name in (*plain, "troubles")}
    return kept | {
        "consumer": asdict(result.consumer),
        "provider": asdict(result.provider),
    }


if __name__ == "__main__":
    sys.exit(main())
