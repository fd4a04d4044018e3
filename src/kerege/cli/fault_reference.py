"""The reference of fault codes, made from the client's own table of advice."""

from collections.abc import Iterator

from kerege.exchange.client.advice import GROUPS
from kerege.exchange.client.errors import fault_of
from kerege.xroad.faults import legacy_code, rest_status

_INTRODUCTION = """\
# Fault codes: what they mean, what to do

A call that fails on the way gets a *fault* in place of the service's answer. The header
`X-Road-Error` has its code, the body a sentence (`message`) and an id (`detail`):

```text
HTTP/1.1 500 Server Error
X-Road-Error: server.serverproxy.access_denied

{"type": "server.serverproxy.access_denied", "message": "Request is not allowed: ...",
 "detail": "1f24f191-d136-4b7b-86ca-adee4927221c"}
```

`kerege call` prints the advice of this page. A Python program has it as `fault.advice`.
This page is made by `kerege reference faults`.

## The beginning: who noticed

| code begins with | who noticed | HTTP status | in Python |
|---|---|---|---|
"""

_NOTICED = (
    ("client", "your own server: your request is wrong"),
    ("server.clientproxy", "your own server"),
    (
        "server.clientproxy.service_failed",
        "your own server, in what the provider's server sent",
    ),
    ("server.serverproxy", "the provider's server"),
    (
        "server.serverproxy.service_failed",
        "the provider's server, in what the service sent",
    ),
)

_UNREACHED = """
If the code ends with `network_error`, `unknown_host` or `io_error`, the *next* one on
the way was not reached: `{own}` when your own server says so, `{provider}` when the
provider's server does.

The operator of the side that noticed finds the id in the log of that server. It logs the
reason there, often with more advice than it sends to strangers:

```console
$ journalctl -u kerege | grep 1f24f191-d136-4b7b-86ca-adee4927221c
```

## The end: what it is

Servers up to X-Road 7.7 write the same codes in another way. Both mean the same, and a
code keeps the spelling of the server that sent it.
"""

_OTHERS = """
## Any other code

The message says what happened. Tell the operator of the side that noticed the code and
the `detail`.
"""


def fault_reference() -> str:
    """Return the page in Markdown."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield _INTRODUCTION
    for prefix, who in _NOTICED:
        yield (
            f"| `{prefix}.` | {who} | {rest_status(prefix + '.')} "
            f"| `{_class_of(prefix + '.x')}` |\n"
        )
    yield _UNREACHED.format(
        own=_class_of("server.clientproxy.network_error"),
        provider=_class_of("server.serverproxy.network_error"),
    )
    for title, group in GROUPS.items():
        yield f"\n### {title}\n\n| code | until 7.7 | what to do |\n|---|---|---|\n"
        for code, advice in group.items():
            older = legacy_code(code)
            old = f"`{older}`" if older != code else ""
            end = "" if advice.endswith("?") else "."
            yield f"| `{code}` | {old} | {advice}{end} |\n"
    yield _OTHERS


def _class_of(code: str) -> str:
    return type(fault_of(code, "", detail="", query_id="")).__name__
