"""Run benchmarks, print a table, write bench/results.json.

A benchmark is a module in this folder with ``PREFIX``, the beginning of its rows'
names (or several in a tuple), and ``rows(scale)``. A partial run replaces only its own
rows of the file.
"""

import argparse
import importlib
import json
import pkgutil
import sys
import time
from pathlib import Path

import bench
from bench.rows import Row

RESULTS = Path(__file__).parent / "results.json"
HELPERS = frozenset({"__main__", "rows"})


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="rows whose names begin so")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    chosen = parser.parse_args()
    found: list[Row] = []
    for name in sorted(m.name for m in pkgutil.iter_modules(bench.__path__)):
        if name in HELPERS or name.startswith("_"):
            continue
        module = importlib.import_module(f"bench.{name}")
        prefixes = getattr(module, "PREFIX", ())
        if not _concerns(prefixes, chosen.only):
            continue
        print(f"{name} ...", flush=True)
        started = time.perf_counter()
        rows = module.rows(chosen.scale)
        rows = [row for row in rows if row.name.startswith(chosen.only)]
        _write(rows)  # now: the next one may fail
        found += rows
        print(f"{name} took {time.perf_counter() - started:.0f} s", flush=True)
    if not found:
        print(f"No benchmark has rows that begin with {chosen.only!r}")
        return 1
    _print(found)
    return 0


def _concerns(prefixes: str | tuple[str, ...], only: str) -> bool:
    if isinstance(prefixes, str):
        prefixes = (prefixes,)
    return any(each.startswith(only) or only.startswith(each) for each in prefixes)


def _print(rows: list[Row]) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{row.name:<{width}}  {row.value:>12,.3f} {row.unit:<12} {row.note}")


def _write(rows: list[Row]) -> None:
    known: dict[str, dict[str, object]] = {}
    if RESULTS.exists():
        known = {str(r["name"]): r for r in json.loads(RESULTS.read_text("utf-8"))}
    known |= {row.name: row.as_dict() for row in rows}
    text = json.dumps([known[name] for name in sorted(known)], indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
