"""What a worker counts and measures, for Prometheus.

Rules:

* Counting is part of every message: a few numbers in memory are added to, see
  `metrics_store`. Nothing here can fail a message.
* Labels are bounded, whatever strangers send: a name that was seen in a message that
  passed is ours or a partner's and gets a place, one that was only ever refused must
  share a small room with its like, the rest is ``other``.
* Each worker has its own files in one folder; `metrics_text.render` adds them up.

Source for names and types: the conventions of Prometheus, see `metrics_catalogue`.
"""

import json
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import structlog

from kerege.exchange.security_server.metrics_catalogue import (
    BUCKETS,
    METRICS,
    Kind,
    Sample,
)
from kerege.exchange.security_server.metrics_files import (
    INFINITY,
    SUM,
    counts_file,
    state_file,
)
from kerege.exchange.security_server.metrics_names import (
    MAX_CODES,
    OVER_LIMIT,
    PROVEN_NAMES,
    REFUSED_NAMES,
    Names,
    count_key,
)
from kerege.exchange.security_server.metrics_store import CountFile
from kerege.exchange.security_server.runtime import Exchange
from kerege.xroad.faults import known_code

MAX_REMEMBERED = 4096
"""Combinations of labels whose places are remembered."""

_log = structlog.get_logger(__name__)
_BOUNDS = (*(repr(bound).removesuffix(".0") for bound in BUCKETS), INFINITY)


class Metrics:
    """The metrics of one process. Used by one thread."""

    def __init__(self, folder: Path, process: str = "") -> None:
        """Open the files.

        A folder that cannot be written is logged, and the counts stay in this process:
        a full disk must not keep a server from starting.

        Args:
            folder: Of all processes of this server; see `clear`.
            process: Tells this process from others; by default its number.
        """
        self._process = process or str(os.getpid())
        self._folder = folder
        self._counts = self._opened()
        self._values = self._counts.values
        self._services = Names(PROVEN_NAMES, REFUSED_NAMES)
        self._clients = Names(PROVEN_NAMES, REFUSED_NAMES)
        self._codes = Names(0, MAX_CODES)
        self._limited = Names(0, REFUSED_NAMES)
        self._cpu_seconds = 0.0
        self._cells: dict[tuple[str, str, str, str], tuple[int, ...]] = {}
        self._durations = {
            side: self._histogram("kerege_message_duration_seconds", side)
            for side in ("client", "server")
        }

    def observe(self, exchange: Exchange) -> None:
        """Count a message that passed or was refused."""
        key = (exchange.side, exchange.client, exchange.service, exchange.verdict)
        cells = self._cells.get(key)
        if cells is None:
            cells = self._remember(key)
        values = self._values
        messages, service, client, request, response = cells
        values[messages] += 1
        values[service] += 1
        values[client] += 1
        values[request] += exchange.request_bytes
        values[response] += exchange.response_bytes
        total, *buckets = self._durations[exchange.side]
        seconds = exchange.milliseconds / 1000
        values[total] += seconds
        values[buckets[bisect_left(BUCKETS, seconds)]] += 1

    def before(self, hear: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
        """Return what counts a message and then tells ``hear``."""

        def both(exchange: Exchange) -> None:
            self.observe(exchange)
            hear(exchange)

        return both

    def count_replay(self, outcome: str) -> None:
        """Count a message that had been seen before: ``accepted`` or ``refused``."""
        self.count("kerege_replayed_messages_total", outcome=outcome)

    def count_over_limit(self, side: str, client: str, limit: str) -> None:
        """Count a message that was refused because of its client's limits."""
        client = self._limited.label(_bare(client), is_proven=False)
        self.count(OVER_LIMIT, side=side, client=client, limit=limit)

    def count_refusal(self, port: str, reason: str) -> None:
        """Count a request that a port refused before it was a message."""
        self.count("kerege_http_refusals_total", port=port, reason=reason)

    def note_cpu(self, seconds: float) -> None:
        """Say how much CPU time this process has used since it began."""
        cell = self._cell("kerege_process_cpu_seconds_total")
        self._values[cell] += max(0.0, seconds - self._cpu_seconds)
        self._cpu_seconds = seconds

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter of the catalogue.

        The values of ``labels`` must be from a fixed set.

        Raises:
            ValueError: the catalogue has no such counter with these labels.
        """
        known = METRICS.get(metric)
        if (
            known is None
            or known.kind is not Kind.COUNTER
            or set(labels) != set(known.labels)
        ):
            msg = f"There is no counter {metric} with the labels {sorted(labels)}"
            raise ValueError(msg)
        values = tuple(labels[name] for name in known.labels)
        self._values[self._cell(metric, *values)] += amount

    def publish(self, samples: Iterable[Sample], at: float) -> None:
        """Replace what this process last said that it measured.

        Args:
            samples: All of it; a value that is left out is no longer told.
            at: Now, in Unix seconds.

        Raises:
            OSError: the file cannot be written.
        """
        document = {"at": at, "samples": [asdict(sample) for sample in samples]}
        path = state_file(self._folder, self._process)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(document), encoding="utf-8")
        new.replace(path)

    def close(self) -> None:
        """Stop measuring; the counts stay, also those of messages that end later."""
        with suppress(OSError):
            state_file(self._folder, self._process).unlink(missing_ok=True)

    def _opened(self) -> CountFile:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return CountFile(counts_file(self._folder, self._process))
        except OSError as error:
            _log.warning("metrics not kept", reason=error.strerror)
            return CountFile(None)

    def _remember(self, key: tuple[str, str, str, str]) -> tuple[int, ...]:
        """Find the places that a kind of message is counted in."""
        side, client, service, verdict = key
        is_passed = verdict.isdigit()
        result = "passed" if is_passed else "fault"
        kind = f"{verdict[:1]}xx" if is_passed else "fault"
        code = "" if is_passed else self._code(verdict)
        service = self._services.label(_bare(service), is_proven=is_passed)
        client = self._clients.label(_bare(client), is_proven=is_passed)
        cells = (
            self._cell("kerege_messages_total", side, kind, code),
            self._cell("kerege_messages_by_service_total", side, service, result),
            self._cell("kerege_messages_by_client_total", side, client, result),
            self._cell("kerege_message_body_bytes_total", side, "request"),
            self._cell("kerege_message_body_bytes_total", side, "response"),
        )
        if len(self._cells) >= MAX_REMEMBERED:
            self._cells.clear()
        self._cells[key] = cells
        return cells

    def _code(self, code: str) -> str:
        return self._codes.label(known_code(code), is_proven=False)

    def _cell(self, name: str, *labels: str) -> int:
        return self._counts.cell(count_key(name, labels))

    def _histogram(self, name: str, *labels: str) -> tuple[int, ...]:
        """Return the places of the sum and of each bucket, which are not cumulated."""
        return tuple(
            self._counts.cell(count_key(name, labels, part)) for part in (SUM, *_BOUNDS)
        )


def _bare(identifier: str) -> str:
    """Leave out the object type: ``central-server/GOV/70000001/portal``."""
    return identifier.partition(":")[2] or identifier
