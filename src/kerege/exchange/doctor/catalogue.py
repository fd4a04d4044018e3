"""All checks of the doctor, and so all codes; the reference page is made from here."""

from collections.abc import Iterator

from kerege.exchange.doctor import (
    archive_checks,
    certificates,
    checks,
    clocks,
    configuration_checks,
    database_checks,
    disk_checks,
    key_files,
    listed_certificates,
    ocsp_checks,
    peer_checks,
    pin_checks,
    port_checks,
    server_checks,
    service_checks,
    settings_checks,
    tsa_checks,
)
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.findings import Code

CHECKS: tuple[Check, ...] = (
    *server_checks.CHECKS,
    *clocks.CHECKS,
    *port_checks.CHECKS,
    *configuration_checks.CHECKS,
    *key_files.CHECKS,
    *pin_checks.CHECKS,
    *certificates.CHECKS,
    *ocsp_checks.CHECKS,
    *tsa_checks.CHECKS,
    *database_checks.CHECKS,
    *disk_checks.CHECKS,
    *archive_checks.CHECKS,
    *peer_checks.CHECKS,
    *service_checks.CHECKS,
    *listed_certificates.CHECKS,
)

_INTRODUCTION = """\
# What the doctor finds

`kerege doctor` looks at a Security Server from the outside and changes nothing. This
page has every code that it can give; it is made by `kerege reference doctor`. How to
use it: [find out what is wrong](../how-to/find-out-what-is-wrong.md).

A code never changes its meaning: monitoring and runbooks may go by it. An `error` means
that messages fail now or at the next start, a `warning` that they will if nobody does
anything, or that some fail.

| exit code | meaning |
|---|---|
| 0 | everything is good |
| 1 | warnings, no errors |
| 2 | errors (or the command line is wrong: then standard error says so) |

These are the codes of Nagios and Icinga plug-ins.

With `--json` the command prints one object: `server`, `settings` (the file), `time`,
`verdict` (`good`, `warning` or `error`) and `findings`, worst first, each with `code`,
`severity`, `area`, `subject`, `what`, `follows` and `advice`. What is good has the code
`D-OK` and the severity `good`; what was not looked at, because something that it takes
is missing and found already, `D-SKIPPED` and `skipped`.
"""


def reference() -> str:
    """Return the page of all codes, in Markdown."""
    return _INTRODUCTION + "".join(_sections())


def all_codes() -> list[Code]:
    """Return every code."""
    return [code for _, codes in _groups() for code in codes]


def _groups() -> Iterator[tuple[str, tuple[Code, ...]]]:
    yield "settings", settings_checks.CODES
    for check in CHECKS:
        yield check.name, tuple(check.codes)
    yield "the doctor itself", checks.CODES


def _sections() -> Iterator[str]:
    for name, codes in _groups():
        yield f"\n## {name[0].upper()}{name[1:]}\n"
        for code in codes:
            yield (
                f"\n### `{code.name}`\n\n"
                f"{code.severity.value.capitalize()}. {code.meaning}\n\n"
                f"- What follows: {code.follows}\n"
                f"- What to do: {code.advice}\n"
            )
