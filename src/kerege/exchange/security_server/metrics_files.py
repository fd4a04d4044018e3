"""Where the metrics of a server's processes are, and how their parts are called.

Imports nothing: the supervisor, which must stay small, uses it too.
"""

from pathlib import Path

METRICS_FOLDER = "metrics"
"""Below the spool folder, which a server can write to."""
INFINITY = "+Inf"
SUM = "sum"


def counts_file(folder: Path, process: str) -> Path:
    """Return where a process keeps its counts."""
    return folder / f"counts-{process}.bin"


def state_file(folder: Path, process: str) -> Path:
    """Return where a process writes what it measured."""
    return folder / f"state-{process}.json"


def clear(folder: Path) -> None:
    """Begin anew: remove what an earlier run has left.

    For whoever holds the server's lock, before any worker runs.
    """
    for path in (*folder.glob("counts-*.bin"), *folder.glob("state-*")):
        path.unlink(missing_ok=True)
