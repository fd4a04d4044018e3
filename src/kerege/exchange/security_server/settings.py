"""The settings of a Security Server: one TOML file, read at start and with a reload.

What changes while a server runs (clients, services, access rights) is in its
database; what differs between machines (addresses, folders, limits) is here. Each
option says what it does and which parameter of the reference it corresponds to;
`docs/reference/settings.md` is made from this module.
"""

import math
import tomllib
from dataclasses import Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import SecurityServerId

LOCK_FILE = "server.lock"
"""In the spool folder, which a server can write to wherever its settings are."""

MAX_WORKERS = 1024
"""More than any machine has cores: a slip of the finger."""


class SettingsError(Exception):
    """The settings file cannot be used; the message names the option and the mend."""


T = TypeVar("T")


def option(
    default: T,
    doc: str,
    *,
    reference: str = "",
    required: bool = False,
    least: float = 0,
) -> T:
    """Declare a setting: its default, what it does, the reference's name for it."""
    metadata = {
        "doc": doc,
        "reference": reference,
        "required": required,
        "least": least,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Listen:
    """Addresses that the server listens on. An empty address switches a port off."""

    client_http: str = option(
        "127.0.0.1:8080",
        "Information systems, plain HTTP.",
        reference="proxy.client-http-port",
    )
    client_https: str = option(
        "127.0.0.1:8443",
        "Information systems, HTTPS; asks for a client certificate.",
        reference="proxy.client-https-port",
    )
    peer: str = option(
        "0.0.0.0:5500",
        "Messages from other security servers.",
        reference="proxy.server-listen-port",
    )
    ocsp: str = option(
        "0.0.0.0:5577",
        "OCSP responses for other security servers, plain HTTP.",
        reference="proxy.ocsp-responder-port",
    )
    admin: str = option(
        "127.0.0.1:9180",
        "Health, readiness and metrics: `/health`, `/ready`, `/metrics`; plain HTTP "
        "without authentication, for this machine and its monitoring only.",
        reference="proxy.health-check-port",
    )


@dataclass(frozen=True, slots=True)
class Peers:
    """How other security servers are reached: the same for all of an instance."""

    port: int = option(
        5500, "Message port of other servers.", reference="proxy.server-port"
    )
    ocsp_port: int = option(
        5577, "OCSP port of other servers.", reference="proxy.ocsp-responder-port"
    )
    connect_timeout_seconds: float = option(
        30.0, "Longest wait for a connection.", reference="proxy.client-timeout"
    )
    answer_timeout_seconds: float = option(
        0.0,
        "Longest wait for the first byte of an answer; 0 waits as long as it takes.",
        reference="proxy.client-httpclient-timeout",
    )
    ocsp_timeout_seconds: float = option(
        30.0,
        "Longest wait for another server's OCSP responses.",
        reference="proxy.ocsp-responder-client-read-timeout",
    )
    fastest_address_seconds: float = option(
        3600.0,
        "How long the fastest of several addresses of a provider is remembered.",
        reference="proxy.client-fastest-connecting-ssl-uri-cache-period",
    )


@dataclass(frozen=True, slots=True)
class Configuration:
    """The global configuration: where it comes from, how it is kept."""

    anchor: str = option(
        "configuration-anchor.xml",
        "The configuration anchor's file, relative to the settings file. Empty: "
        "another process downloads into `directory`, this one only reads it.",
    )
    directory: str = option(
        "globalconf", "Folder of the downloaded configuration, relative likewise."
    )
    update_interval_seconds: float = option(
        60.0,
        "Time between two downloads.",
        reference="configuration-client.update-interval",
        least=1,
    )
    allowed_federations: str = option(
        "none",
        "Other instances to follow: a comma list, `all` or `none`.",
        reference="configuration-client.allowed-federations",
    )


@dataclass(frozen=True, slots=True)
class MessageLogSettings:
    """The message log: what is kept, when it is time-stamped, when it leaves."""

    timestamp_immediately: bool = option(
        False,
        "Time-stamp each message before its answer is released.",
        reference="message-log.timestamp-immediately",
    )
    timestamp_records_limit: int = option(
        10_000,
        "Most records in one time-stamp.",
        reference="message-log.timestamp-records-limit",
        least=1,
    )
    acceptable_timestamp_failure_seconds: float = option(
        14_400.0,
        "Refuse messages when time-stamping has failed for longer; 0 never refuses.",
        reference="message-log.acceptable-timestamp-failure-period",
    )
    timestamp_retry_seconds: float = option(
        60.0,
        "Wait after a failed time-stamp.",
        reference="message-log.timestamp-retry-delay",
    )
    largest_logged_body_bytes: int = option(
        10 * 1024 * 1024,
        "Bodies up to this size are logged whole.",
        reference="message-log.max-loggable-message-body-size",
    )
    refuse_larger_bodies: bool = option(
        False,
        "Refuse larger bodies with `logging_failed`, as the reference does; "
        "otherwise only their digest is logged.",
        reference="message-log.truncated-body-allowed (inverted)",
    )
    archive_directory: str = option(
        "archive", "Folder of the archives, relative to the settings file."
    )
    archive_interval_seconds: float = option(
        6 * 3600.0,
        "Time between two archivings; 0 switches archiving off.",
        reference="message-log.archive-interval",
    )
    archive_max_bytes: int = option(
        32 * 1024 * 1024,
        "A new archive starts when its containers exceed this size.",
        reference="message-log.archive-max-filesize",
    )
    keep_records_days: float = option(
        30.0,
        "Archived records stay in the database for so long.",
        reference="message-log.keep-records-for",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a stranger may ask of this server."""

    header_bytes: int = option(
        64 * 1024, "Largest request line and headers of a message."
    )
    header_seconds: float = option(30.0, "Longest time to send a request's headers.")
    idle_seconds: float = option(60.0, "A connection without a request is closed.")
    stall_seconds: float = option(
        60.0, "Longest pause inside a body before the connection is closed."
    )
    connections: int = option(2000, "Most connections of each port at one time.")
    body_bytes: int = option(
        0, "Largest body of a message; 0 sets no bound (bodies are streamed)."
    )
    finish_seconds: float = option(
        30.0, "Longest time that a stopping server takes to finish what it accepted."
    )


@dataclass(frozen=True, slots=True)
class Security:
    """Where this server is stricter than the reference."""

    refuse_replays: bool = option(
        False,
        "Refuse a signed request that was received before, by whichever worker and "
        "also before a restart; costs one small transaction for each message. "
        "Otherwise replays are accepted as in the reference, counted and logged.",
    )
    replay_window_seconds: float = option(
        3600.0,
        "With `refuse_replays`: how far the signing time of a request may be from now; "
        "requests are remembered for twice as long.",
        least=60,
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one Security Server."""

    identifier: str = option(
        "",
        "This server: `INSTANCE/CLASS/MEMBER/SERVERCODE`, as registered.",
        required=True,
    )
    database: str = option(
        "sqlite:///security-server.db",
        "SQLAlchemy address of the database; a SQLite file is relative to the "
        "settings file. `postgresql+psycopg://user@host/name` for PostgreSQL.",
    )
    spool: str = option(
        "spool", "Folder for bodies over 1 MiB, beside the database's files."
    )
    token: str = option("token", "Folder of the software token with this server's keys")
    workers: int = option(
        1, "Processes that pass messages; one for each core to be used.", least=1
    )
    minimum_client_version: str = option(
        "",
        "Oldest version of other servers that may send messages here.",
        reference="proxy.server-min-supported-client-version",
    )
    listen: Listen = Listen()
    peers: Peers = Peers()
    configuration: Configuration = Configuration()
    message_log: MessageLogSettings = MessageLogSettings()
    limits: Limits = Limits()
    security: Security = Security()
    directory: Path = Path()
    """Folder of the settings file; relative paths start here. Not an option."""

    @property
    def server_id(self) -> SecurityServerId:
        """The identifier as a value."""
        try:
            return SecurityServerId.from_path(self.identifier)
        except XRoadError as error:
            msg = f"Setting 'identifier': {error.message}"
            raise SettingsError(msg) from error

    def path(self, name: str) -> Path:
        """Resolve a path of the settings file."""
        return self.directory / name

    @property
    def lock_file(self) -> Path:
        """Held while a server runs, or a command that must not run beside it."""
        return self.path(self.spool) / LOCK_FILE

    @property
    def database_url(self) -> str:
        """The database's address, with a relative SQLite file made absolute."""
        prefix = "sqlite:///"
        name = self.database.removeprefix(prefix)
        if name in ("", self.database) or name.startswith("/"):
            return self.database
        folder = quote(f"{self.directory.resolve()}/")  # a ? would begin a query
        return f"{prefix}{folder}{name}"


def load_settings(path: Path) -> Settings:
    """Read a settings file. Raises `SettingsError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"Cannot read the settings file {path}: {error.strerror}"
        raise SettingsError(msg) from error
    except UnicodeDecodeError as error:
        raise _not_toml(path, error) from error
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> Settings:
    """Read the text of the settings file at ``path``. Raises `SettingsError`."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _not_toml(path, error) from error
    values = _section(Settings, table, where=str(path))
    settings = Settings(**values, directory=path.parent)
    _ = settings.server_id
    if settings.workers > MAX_WORKERS:
        msg = f"{path}: workers must be at most {MAX_WORKERS}"
        raise SettingsError(msg)
    return settings


def _not_toml(path: Path, error: Exception) -> SettingsError:
    return SettingsError(f"The settings file {path} is not TOML: {error}")


def options_of(section: type[Any]) -> list[Field[Any]]:
    """Return the fields of a settings class that are options or sections."""
    return [f for f in fields(section) if f.metadata or is_dataclass(f.type)]


def _section(
    section: type[Any], table: dict[str, Any], *, where: str
) -> dict[str, Any]:
    known = {f.name: f for f in options_of(section)}
    for name in table:
        if name not in known:
            msg = f"{where}: unknown setting {name!r}; known are {', '.join(known)}"
            raise SettingsError(msg)
    values: dict[str, Any] = {}
    for name, option_field in known.items():
        if name in table:
            values[name] = _value(option_field, table[name], f"{where}: {name}")
        elif option_field.metadata.get("required"):
            msg = (
                f"{where}: setting {name!r} is missing: {option_field.metadata['doc']}"
            )
            raise SettingsError(msg)
    return values


def _value(option_field: Field[Any], value: object, where: str) -> object:
    kind = option_field.type
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            msg = f"{where} is a section, write it as [{option_field.name}]"
            raise SettingsError(msg)
        return kind(**_section(kind, value, where=where))
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(kind, type) or type(value) is not kind:
        msg = f"{where} must be of type {getattr(kind, '__name__', kind)}"
        raise SettingsError(msg)
    if isinstance(value, int | float):
        _require_size(value, option_field.metadata["least"], where)
    return value


def _require_size(value: float, least: float, where: str) -> None:
    if value < 0:
        msg = f"{where} must not be negative"
        raise SettingsError(msg)
    if not least <= value < math.inf:  # nor is nan
        msg = f"{where} must be a number of at least {least:g}"
        raise SettingsError(msg)


def split_address(address: str) -> tuple[str, int]:
    """Split ``host:port``. Raises `SettingsError`."""
    host, _, port = address.rpartition(":")
    is_number = port.isascii() and port.isdecimal() and len(port) < len("100000")
    if ":" not in address or not is_number or int(port) > 65535:
        msg = f"{address!r} is not of the form host:port"
        raise SettingsError(msg)
    host = host.strip("[]") or "0.0.0.0"  # noqa: S104 - as written there
    if not _is_host(host):
        msg = f"{address!r}: {host!r} is neither a host's name nor its address"
        raise SettingsError(msg)
    return host, int(port)


def _is_host(name: str) -> bool:
    """Whether `socket` takes a name, as far as its form goes."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return name.isprintable()
