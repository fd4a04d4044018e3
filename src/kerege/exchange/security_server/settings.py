"""The settings of a Security Server: one TOML file, read at start and with a reload.

What changes while a server runs (clients, services, access rights) is in its
database; what differs between machines (addresses, folders, limits) is here. Each
option says what it does and which parameter of the reference it corresponds to;
`docs/reference/settings.md` is made from this module.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kerege.exchange.security_server.setting_options import (
    SettingsError,
    option,
    options_of,
    section_values,
)
from kerege.exchange.security_server.settings_client_limits import (
    OtherClients,
    OwnClients,
)
from kerege.exchange.security_server.settings_message_log import MessageLogSettings
from kerege.exchange.security_server.settings_op_monitoring import (
    OpMonitoringSettings,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import SecurityServerId

__all__ = [
    "LOCK_FILE",
    "MAX_WORKERS",
    "Configuration",
    "Limits",
    "Listen",
    "MessageLogSettings",
    "OpMonitoringSettings",
    "OtherClients",
    "OwnClients",
    "Peers",
    "Security",
    "Settings",
    "SettingsError",
    "Signing",
    "load_settings",
    "options_of",
    "parse_settings",
    "split_address",
]

LOCK_FILE = "server.lock"
"""In the spool folder, which a server can write to wherever its settings are."""

MAX_WORKERS = 1024
"""More than any machine has cores: a slip of the finger."""


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
    descriptions_from_link_local: bool = option(
        False,
        "Fetch OpenAPI and WSDL descriptions for callers also from addresses of one "
        "link (169.254.0.0/16, fe80::/10) and others where clouds keep credentials.",
    )


@dataclass(frozen=True, slots=True)
class Signing:
    """How messages are signed."""

    batch: bool = option(
        True,
        "Sign messages of a member that come at the same time together: one signature "
        "value, and a hash chain for each message. Other servers verify it as well.",
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
    message_log: MessageLogSettings = MessageLogSettings()  # noqa: RUF009 - frozen
    op_monitoring: OpMonitoringSettings = OpMonitoringSettings()  # noqa: RUF009
    limits: Limits = Limits()
    own_clients: OwnClients = OwnClients()  # noqa: RUF009 - frozen
    other_clients: OtherClients = OtherClients()  # noqa: RUF009 - frozen
    security: Security = Security()
    signing: Signing = Signing()
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
    values = section_values(Settings, table, where=str(path))
    settings = Settings(**values, directory=path.parent)
    _ = settings.server_id
    settings.message_log.require_consistent()
    if settings.workers > MAX_WORKERS:
        msg = f"{path}: workers must be at most {MAX_WORKERS}"
        raise SettingsError(msg)
    return settings


def _not_toml(path: Path, error: Exception) -> SettingsError:
    return SettingsError(f"The settings file {path} is not TOML: {error}")


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
