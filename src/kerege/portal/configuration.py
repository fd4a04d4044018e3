"""What an installation decides, read from `portal.toml` in its folder.

The folder is named by the environment variable ``KEREGE_PORTAL``. It also holds the
secret key, the audit key and, unless told otherwise, database and documents.
"""

import os
import secrets
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

ENVIRONMENT = "KEREGE_PORTAL"
FILE = "portal.toml"
SECRET_KEY = "secret.key"  # noqa: S105 - the name of a file


class ConfigurationError(Exception):
    """The portal's folder or settings file cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Where e-mails are handed over."""

    host: str = ""
    """Empty: none are sent, and notifications say so."""
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False
    sender: str = "noreply@localhost"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings of one installation; each has a value that works on one machine."""

    folder: Path
    database: str = ""
    """``postgresql://…``; empty: SQLite in the folder."""
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
    """Names under which the site is reached."""
    https: bool = False
    """The site is behind TLS: secure cookies, HSTS."""
    time_zone: str = "Asia/Bishkek"
    language: str = "ky"
    security_server: str = "http://127.0.0.11:8080"
    """Where the installation's own Security Server takes requests."""
    client: str = "central-server/GOV/70000050/sanaripaymak-service"
    """The subsystem as which the register asks others."""
    sms_gateway: str = ""
    """Where SMS are handed over, by HTTP; empty: none are sent."""
    virus_scanner: str = ""
    """clamd: ``unix:///run/clamav/clamd.ctl`` or ``tcp://127.0.0.1:3310``; empty: files
    are not scanned, and each document says so."""
    mail: Mail = Mail()

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read the settings file of a folder.

        Raises:
            ConfigurationError: The file is missing, is not TOML, or has a key or a
                type that there is not.
        """
        path = folder / FILE
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            message = (
                f"There is no {FILE} in {folder}; `kerege portal init {folder}` "
                "makes one"
            )
            raise ConfigurationError(message) from error
        except (
            OSError,
            UnicodeDecodeError,
            tomllib.TOMLDecodeError,
            RecursionError,  # brackets in brackets
        ) as error:
            message = f"{path} cannot be read: {error}"
            raise ConfigurationError(message) from error
        mail = _checked(Mail, table.pop("mail", {}), f"{path}, [mail]")
        return cls(folder=folder, mail=Mail(**mail), **_checked(cls, table, str(path)))

    @classmethod
    def from_environment(cls) -> Self:
        """Read the folder that ``KEREGE_PORTAL`` names.

        Raises:
            ConfigurationError: The variable is not set, or as in `from_folder`.
        """
        folder = os.environ.get(ENVIRONMENT)
        if not folder:
            message = (
                f"{ENVIRONMENT} does not name the portal's folder; "
                "`kerege portal --folder DIR …` sets it"
            )
            raise ConfigurationError(message)
        return cls.from_folder(Path(folder))

    def secret_key(self) -> str:
        """Return the key that signs sessions and forms.

        Raises:
            ConfigurationError: There is none.
        """
        try:
            return (self.folder / SECRET_KEY).read_text(encoding="ascii").strip()
        except OSError as error:
            message = f"{self.folder / SECRET_KEY} cannot be read: {error}"
            raise ConfigurationError(message) from error


def initialize(folder: Path) -> None:
    """Make a folder with a settings file and a secret key; keep what is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = folder / FILE
    if not settings.exists():
        settings.write_text(_TEMPLATE, encoding="utf-8")
    key = folder / SECRET_KEY
    if not key.exists():
        handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64) + "\n")


def _checked(kind: type, table: object, where: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        message = f"{where}: a table is wanted"
        raise ConfigurationError(message)
    defaults = {
        field.name: field.default
        for field in fields(kind)
        if field.name not in ("folder", "mail")
    }
    values: dict[str, Any] = {}
    for name, given in table.items():
        if name not in defaults:
            message = f"{where}: no setting {name!r}; there are {', '.join(defaults)}"
            raise ConfigurationError(message)
        value = tuple(given) if isinstance(given, list) else given
        if type(value) is not type(defaults[name]):
            wanted = type(defaults[name]).__name__
            message = f"{where}: {name} is not of the type {wanted}"
            raise ConfigurationError(message)
        values[name] = value
    return values


_TEMPLATE = """\
# The portal's settings. What is not here has its default; docs/reference tells all.
hosts = ["localhost", "127.0.0.1"]
# database = "postgresql://kerege@/kerege"   # otherwise SQLite, in this folder
# https = true                               # behind TLS

[mail]
# host = "mail.example.gov.kg"
"""
