"""Settings: without a file that can be read nothing else can be looked at."""

import os
import pwd
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
OTHER_USER = Code(
    "D-USER",
    Severity.ERROR,
    "The doctor was called by a user who may not read the server's files.",
    "Nothing else was looked at: what cannot be read would look as if it were broken.",
    "Call it as the user who owns the server's files, or as root.",
)
CODES = (MISSING, WRONG, OTHER_USER)


def read_settings(config: Path) -> Settings | Finding:
    """Return the settings, or why there are none.

    Give the file's whole path: every path that a finding names begins with it.
    """
    try:
        if not config.exists():
            return MISSING.at(str(config), "There is no such file.")
        with config.open("rb"):
            settings = load_settings(config)
    except PermissionError:
        return _other_user(config, config)
    except OSError as error:
        return WRONG.at(str(config), f"It cannot be read: {error.strerror}.")
    except SettingsError as error:
        text = str(error).removeprefix(f"{config}: ").rstrip(".")
        return WRONG.at(str(config), f"{text[:1].upper()}{text[1:]}.")
    token = settings.path(settings.token)
    is_ours = not token.exists() or token.stat().st_uid == os.geteuid()
    if not is_ours and not os.access(token, os.R_OK | os.X_OK):
        return _other_user(config, token)
    return settings


def _other_user(config: Path, path: Path) -> Finding:
    """Say who should call the doctor, as far as that can be seen."""
    nearest = path
    while not _can_be_seen(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    owner, caller = _name_of(nearest.stat().st_uid), _name_of(os.geteuid())
    return OTHER_USER.at(
        str(path),
        f"User {caller} may not read it; {nearest} belongs to {owner}.",
        advice=f"sudo -u {owner} kerege doctor -c {config}",
    )


def _can_be_seen(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"#{user}"
