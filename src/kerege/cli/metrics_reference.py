"""The reference of metrics, made from their catalogue."""

from collections.abc import Iterator

from kerege.exchange.security_server.metrics_catalogue import (
    BUCKETS,
    GROUPS,
    Kind,
    Metric,
)

_INTRODUCTION = """\
# Metrics

What a Security Server tells Prometheus. [Watch a server with Prometheus](../how-to/watch-with-prometheus.md)
says how to ask for it, and has rules that warn in time.

Workers are added up: the numbers are those of the whole server. Counters begin at 0 when the server starts, and outlive a worker that is killed.
Gauges are looked at every ten seconds; one that cannot be had, or is older than a minute, is left out.

Labels have identifiers and codes, never a path, a user or anything of a body. They are bounded: 500 services and 500 clients of messages that passed,
100 of each that were only ever refused, 200 fault codes; the rest is `other`. Of a service or a client that neither
the configuration nor an earlier answer names, `?` stands for what is not known: it may be a personal code in a wrong place. `side` is `client` for what own applications ask, `server` for what others ask.

This page is made by `kerege reference metrics`.
"""


def metrics_reference() -> str:
    """Return the reference of metrics, in Markdown."""
    return _INTRODUCTION + "".join(
        f"\n## {title}\n\n| metric | type | labels | what it is |\n|---|---|---|---|\n"
        + "".join(f"{line}\n" for line in map(_row, group))
        for title, group in GROUPS.items()
    )


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {_text(metric)} |"


def _text(metric: Metric) -> str:
    return ". ".join(_sentences(metric)) + "."


def _sentences(metric: Metric) -> Iterator[str]:
    yield metric.help
    if metric.kind is Kind.HISTOGRAM:
        bounds = ", ".join(f"{bound:g}" for bound in BUCKETS)
        yield f"Buckets up to {bounds} seconds"
