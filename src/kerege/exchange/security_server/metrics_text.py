"""All processes' metrics as one text for Prometheus.

Rules:

* Counts of all files are added up. What workers measured is added up, or the newest
  counts, as the catalogue says; what is older than a minute is no longer told.
* The files of a worker that has ended are folded into one, so that a worker that falls
  over every second does not fill the disk. Names are bounded there as in each worker.
* Whoever starts the workers calls `metrics.clear` before, and `worker_ended` and
  `render` from one thread.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from kerege.exchange.security_server.metrics_catalogue import (
    METRICS,
    Kind,
    Metric,
    Sample,
)
from kerege.exchange.security_server.metrics_files import (
    INFINITY,
    SUM,
    counts_file,
    state_file,
)
from kerege.exchange.security_server.metrics_names import Folding, parsed_key
from kerege.exchange.security_server.metrics_store import CountFile, read_counts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_SECONDS = 60.0
"""Workers measure every ten; what is older than this comes from one that hangs."""
ENDED = "ended"
"""Stands for all workers that have ended."""

Series = dict[tuple[str, ...], float]
Buckets = dict[tuple[str, ...], dict[str, float]]


def worker_ended(folder: Path, process: str) -> None:
    """Keep a worker's counts and forget the worker.

    Args:
        folder: Where the metrics are.
        process: Its number, or what it called itself.

    Raises:
        OSError: the folder cannot be written; nothing is lost.
    """
    own = counts_file(folder, process)
    counts = read_counts(own)
    if counts:
        path = counts_file(folder, ENDED)
        folding = Folding(read_counts(path))
        ended = CountFile(path)
        for key, value in folding.bounded(counts):
            ended.values[ended.cell(key)] += value
        ended.close()
    own.unlink(missing_ok=True)
    state_file(folder, process).unlink(missing_ok=True)


def render(
    folder: Path, extra: Iterable[Sample] = (), now: float | None = None
) -> bytes:
    """Return the metrics of all processes in Prometheus' text format.

    Args:
        folder: Where the metrics are.
        extra: What the caller knows itself, such as how many workers run.
        now: Unix seconds; by default the time.
    """
    moment = time.time() if now is None else now
    counters, histograms = _counted(folder)
    gauges = _measured(folder, moment)
    plain = counters | gauges
    for sample in extra:
        plain[sample.name][sample.labels] = sample.value
    lines: list[str] = []
    for metric in METRICS.values():
        if metric.kind is Kind.HISTOGRAM:
            body = list(_histogram_lines(metric, histograms[metric.name]))
        else:
            body = list(_lines(metric, plain[metric.name]))
        if body:
            lines += [
                f"# HELP {metric.name} {_help(metric.help)}",
                f"# TYPE {metric.name} {metric.kind.value}",
                *body,
            ]
    return "".join(line + "\n" for line in lines).encode()


def _counted(folder: Path) -> tuple[dict[str, Series], dict[str, Buckets]]:
    """Add up the files; give counters, and histograms by labels and part."""
    counters: dict[str, Series] = {name: {} for name in METRICS}
    histograms: dict[str, Buckets] = {name: {} for name in METRICS}
    for path in sorted(folder.glob("counts-*.bin")):
        for key, value in read_counts(path).items():
            name, labels, part = parsed_key(key)
            if name not in METRICS:
                continue
            if part:
                buckets = histograms[name].setdefault(labels, defaultdict(float))
                buckets[part] += value
            else:
                series = counters[name]
                series[labels] = series.get(labels, 0.0) + value
    return counters, histograms


def _measured(folder: Path, now: float) -> dict[str, Series]:
    """Join what fresh workers have measured, the oldest first."""
    states = [_read_state(path) for path in folder.glob("state-*.json")]
    fresh = [state for state in states if now - state[0] <= FRESH_SECONDS]
    gauges: dict[str, Series] = {
        name: {} for name, metric in METRICS.items() if metric.kind is Kind.GAUGE
    }
    newest: dict[str, float] = {}
    for at, samples in sorted(fresh, key=lambda state: state[0]):
        for sample in samples:
            series = gauges.get(sample.name)
            if series is None:
                continue
            if METRICS[sample.name].is_sum:
                value = series.get(sample.labels, 0.0) + sample.value
                series[sample.labels] = value
                continue
            if newest.get(sample.name) != at:
                newest[sample.name] = at
                series.clear()  # a certificate that an older state had may be gone
            series[sample.labels] = sample.value
    return gauges


def _read_state(path: Path) -> tuple[float, list[Sample]]:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        samples = [
            Sample(str(one["name"]), float(one["value"]), tuple(one["labels"]))
            for one in document["samples"]
        ]
        return float(document["at"]), samples
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, []


def _lines(metric: Metric, series: Series) -> Iterator[str]:
    for labels, value in sorted(series.items()):
        pairs = list(zip(metric.labels, labels, strict=False))
        yield f"{metric.name}{_braces(pairs)} {_number(value)}"


def _histogram_lines(metric: Metric, histograms: Buckets) -> Iterator[str]:
    """Write a histogram's buckets, each with all that are below it."""
    for labels, parts in sorted(histograms.items()):
        pairs = list(zip(metric.labels, labels, strict=False))
        total = parts.get(SUM, 0.0)
        bounds = [part for part in parts if part != SUM]
        count = 0.0
        for bound in sorted(bounds, key=_as_number):
            count += parts[bound]
            le = _braces([*pairs, ("le", bound)])
            yield f"{metric.name}_bucket{le} {_number(count)}"
        yield f"{metric.name}_sum{_braces(pairs)} {_number(total)}"
        yield f"{metric.name}_count{_braces(pairs)} {_number(count)}"


def _as_number(bound: str) -> float:
    return float("inf") if bound == INFINITY else float(bound)


def _braces(pairs: list[tuple[str, str]]) -> str:
    if not pairs:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    if not isfinite(value):  # a file was damaged
        return "NaN"
    return str(int(value)) if value == int(value) else repr(value)
