"""One examination of one server, from its settings file to a list of findings."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import aiohttp

from kerege.exchange.clock import utc_now
from kerege.exchange.doctor import pin_checks
from kerege.exchange.doctor.asking import Asker
from kerege.exchange.doctor.catalogue import CHECKS
from kerege.exchange.doctor.checks import Check, run_checks
from kerege.exchange.doctor.examination import Examination, KeyReader, Limits
from kerege.exchange.doctor.findings import Finding
from kerege.exchange.doctor.settings_checks import read_settings

Progress = Callable[[Check, Sequence[Finding]], None]
"""Hears of each check that has ended."""


def nobody(_check: Check, _found: Sequence[Finding]) -> None:
    """Listen to no progress."""


def chosen_checks(only: Collection[str], *, has_pin: bool) -> list[Check]:
    """Return the checks of these names, all if there are none, that can be done."""
    return [
        check
        for check in CHECKS
        if (not only or check.name in only)
        and (has_pin or check not in pin_checks.CHECKS)
    ]


async def examine(
    config: Path,
    keys: KeyReader,
    *,
    clock: Callable[[], datetime] = utc_now,
    limits: Limits | None = None,
    only: Collection[str] = (),
    on_done: Progress = nobody,
) -> list[Finding]:
    """Look at a server and return what was found, worst first. Never raises for it.

    Args:
        config: The server's settings file.
        keys: Reads what may be known of keys without a PIN.
        clock: This machine's clock.
        limits: How long is waited, from when on is warned.
        only: Names of checks; all if there are none.
        on_done: Hears of each check that has ended.
    """
    settings = read_settings(config)
    if isinstance(settings, Finding):
        return [replace(settings, area="settings")]
    chosen = limits or Limits()
    checks = chosen_checks(only, has_pin=keys.has_pin)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        asker = Asker(session, chosen.request_seconds, clock)
        examination = Examination(config, settings, keys, asker, clock, chosen)
        try:
            return await run_checks(examination, checks, on_done)
        finally:
            await examination.close()
