"""From the settings file to a plan for workers: read, judged, its ports bound."""

from collections.abc import Sequence
from dataclasses import replace

from kerege.exchange.security_server.settings import (
    Settings,
    SettingsError,
    parse_settings,
)
from kerege.exchange.supervisor.listening import Listening, listen
from kerege.exchange.supervisor.supervisor import Options
from kerege.exchange.supervisor.workers import Plan


def read_settings(options: Options) -> tuple[Settings, str]:
    """Return the settings and the text they stand in. Raises `SettingsError`."""
    path = options.config
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"Cannot read the settings file {path}: {error}"
        raise SettingsError(msg) from error
    settings = parse_settings(text, path)
    if options.workers:
        settings = replace(settings, workers=options.workers)
    return settings, text


def first_plan(options: Options, *, wait_seconds: float) -> Plan:
    """Return the plan of a start.

    Raises `SettingsError`, `CannotListenError`.
    """
    settings, text = read_settings(options)
    return Plan(settings, text, listen(settings, wait_seconds=wait_seconds))


def next_plan(options: Options, plan: Plan, opened: Sequence[Listening]) -> Plan:
    """Return the plan of a reload: ports that stay the same stay open.

    Args:
        options: Say where the settings are.
        plan: The one before.
        opened: All that is listened on, the newest last.

    Raises `SettingsError`, also for what a running server cannot change;
    `CannotListenError`.
    """
    settings, text = read_settings(options)
    before = plan.settings
    if settings.path(settings.spool) != before.path(before.spool):
        msg = "The setting 'spool' changes only with a restart"
        raise SettingsError(msg)
    return Plan(settings, text, listen(settings, before=opened))
