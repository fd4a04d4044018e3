"""How long the synthetic country takes: the command that a user would give, on its own.

All tables go to Parquet files, with what is planted and the truth about it. Small: fewer
people, and the note says how many.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.rows import Row

PREFIX = "aimak.synth"
PERSONS = {"small": 200_000, "full": 7_400_000}


def rows(scale: str) -> list[Row]:
    """Measure."""
    persons = PERSONS[scale]
    with tempfile.TemporaryDirectory(prefix="kerege-bench-") as folder:
        target = Path(folder) / "country"
        command = [sys.executable, "-m", "kerege.cli", "aimak", "synth"]
        command += ["--persons", str(persons), "--to", f"parquet:{target}"]
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        size = sum(file.stat().st_size for file in target.iterdir()) / 1e6
    note = f"{persons:,} people to Parquet, {size:,.0f} MB"
    return [
        Row("aimak.synth_7m.seconds", seconds, "s", note),
        Row("aimak.synth_7m.peak_mb", usage.ru_maxrss / 1024, "MB", note),
    ]
