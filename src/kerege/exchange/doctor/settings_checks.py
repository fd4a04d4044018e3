"""Settings: without a file that can be read nothing else can be looked at."""

from pathlib import Path

from kerege.exchange.doctor.findings import Code, Finding, Severity
from kerege.exchange.security_server.settings import (
    Settings,
    SettingsError,
    load_settings,
)

MISSING = Code(
    "D-SETTINGS-MISSING",
    Severity.ERROR,
    "There is no settings file.",
    "No server can start here, and nothing else can be looked at.",
    "Go to the server's folder, give --config FILE, or make a server: kerege "
    "security-server init",
)
WRONG = Code(
    "D-SETTINGS-WRONG",
    Severity.ERROR,
    "The settings file cannot be used.",
    "The server does not start again, and nothing else can be looked at. One that runs "
    "goes on with its old settings.",
    "Correct what is named; all settings: kerege security-server settings reference",
)
CODES = (MISSING, WRONG)


def read_settings(config: Path) -> Settings | Finding:
    """Return the settings, or why there are none.

    Give the file's whole path: every path that a finding names begins with it.
    """
    if not config.exists():
        return MISSING.at(str(config), "There is no such file.")
    try:
        return load_settings(config)
    except SettingsError as error:
        text = str(error).removeprefix(f"{config}: ").rstrip(".")
        return WRONG.at(str(config), f"{text[:1].upper()}{text[1:]}.")
