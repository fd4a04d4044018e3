"""The settings of the message log."""

import shlex
from dataclasses import dataclass
from typing import NamedTuple

from kerege.exchange.security_server.setting_options import SettingsError, option
from kerege.xroad.identifiers import ClientId

CODES = 4
"""Of a subsystem's identifier."""
_ON, _OFF = "enabled_body_logging_", "disabled_body_logging_"
_PLACES = ("local_producer_subsystems", "remote_producer_subsystems")


class LoggedBodies(NamedTuple):
    """Whose bodies are logged: `BodyLogging`, which the supervisor does not load."""

    enabled: bool
    """Of everybody who is in no list."""
    local: frozenset[ClientId]
    """Subsystems of this server whose services are the exception."""
    remote: frozenset[ClientId]
    """Subsystems of others whose services are the exception."""


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
    larger_bodies: str = option(
        "digest-only",
        "What is logged of larger bodies: `digest-only`; their beginning (`truncate`), "
        "with which no container verifies; or the message is refused with "
        "`logging_failed` (`refuse`, as the reference does by default).",
        reference="message-log.truncated-body-allowed",
        choices=("digest-only", "truncate", "refuse"),
    )
    log_bodies: bool = option(
        True,
        "Log messages whole. Otherwise bodies, attachments, service paths, queries and "
        "headers that are not X-Road's are left out, and containers do not verify.",
        reference="message-log.message-body-logging",
    )
    enabled_body_logging_local_producer_subsystems: str = option(
        "",
        "With `log_bodies = false`: subsystems of this server, "
        "`INSTANCE/CLASS/MEMBER/SUBSYSTEM` with commas between them, whose services' "
        "messages are logged whole all the same.",
        reference="message-log.enabled-body-logging-local-producer-subsystems",
    )
    enabled_body_logging_remote_producer_subsystems: str = option(
        "",
        "The same for subsystems of others, whose services are called from here.",
        reference="message-log.enabled-body-logging-remote-producer-subsystems",
    )
    disabled_body_logging_local_producer_subsystems: str = option(
        "",
        "With `log_bodies = true`: subsystems of this server whose services' messages "
        "are logged without bodies.",
        reference="message-log.disabled-body-logging-local-producer-subsystems",
    )
    disabled_body_logging_remote_producer_subsystems: str = option(
        "",
        "The same for subsystems of others, whose services are called from here.",
        reference="message-log.disabled-body-logging-remote-producer-subsystems",
    )
    encrypt_bodies: bool = option(
        True,
        "Encrypt messages and bodies in the database and in files, with a key that the "
        "token's PIN opens.",
        reference="message-log.messagelog-encryption-enabled",
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
    archive_grouping: str = option(
        "none",
        "`member` or `subsystem`: archives of each member, or of each subsystem, of "
        "this server, in a chain of their own; `none`: all messages together.",
        reference="message-log.archive-grouping",
        choices=("none", "member", "subsystem"),
    )
    encrypt_archives: bool = option(
        False,
        "Encrypt archives, and containers that are downloaded, with OpenPGP. The program "
        "`gpg` does it.",
        reference="message-log.archive-encryption-enabled",
    )
    archive_gpg_home: str = option(
        "gpghome",
        "GnuPG's folder, relative to the settings file: the server's key pair, which "
        "signs archives, and the public keys of those who read them.",
        reference="message-log.archive-gpg-home-directory",
    )
    archive_encryption_keys: str = option(
        "",
        "File with lines `<member identifier> = <key id>`: whose archives are encrypted "
        "for whom, where archives are grouped. It may be edited at any time.",
        reference="message-log.archive-encryption-keys-config",
    )
    archive_default_encryption_key: str = option(
        "",
        "Key id for archives of everybody else; empty: the server's own.",
        reference="message-log.archive-default-encryption-key",
    )
    transfer_directory: str = option(
        "",
        "Existing folder, also on another disk, that finished archives are moved to; "
        "empty: they stay in `archive_directory`.",
    )
    transfer_command: str = option(
        "",
        "Command that is run in the archive folder after an archiving, if there are "
        "archives in it: no shell, words as a shell splits them. Not together with "
        "`transfer_directory`.",
        reference="message-log.archive-transfer-command",
    )
    keep_records_days: float = option(
        30.0,
        "Archived records stay in the database for so long.",
        reference="message-log.keep-records-for",
    )

    def require_consistent(self) -> None:
        """Check what options say together. Raises `SettingsError`."""
        _ = self.body_logging
        if self.transfer_directory and self.transfer_command:
            msg = "Set transfer_directory or transfer_command, not both"
            raise SettingsError(msg)
        try:
            shlex.split(self.transfer_command)
        except ValueError as error:
            msg = f"Setting transfer_command: {error}"
            raise SettingsError(msg) from error

    @property
    def body_logging(self) -> LoggedBodies | None:
        """Whose bodies are not logged; None: everybody's are. Raises `SettingsError`.

        A list that has no effect is refused: whoever wrote it thinks otherwise.
        """
        lists = {
            name: _subsystems(name, getattr(self, name))
            for name in (f"{how}{place}" for how in (_ON, _OFF) for place in _PLACES)
        }
        used, unused = (_OFF, _ON) if self.log_bodies else (_ON, _OFF)
        for place in _PLACES:
            if lists[f"{unused}{place}"]:
                msg = (
                    f"Setting {unused}{place} has no effect with log_bodies = "
                    f"{str(self.log_bodies).lower()}; use {used}{place}"
                )
                raise SettingsError(msg)
        local, remote = (lists[f"{used}{place}"] for place in _PLACES)
        if self.log_bodies and not local and not remote:
            return None
        return LoggedBodies(self.log_bodies, local, remote)


def _subsystems(name: str, text: str) -> frozenset[ClientId]:
    """Read a list of subsystems. Raises `SettingsError`."""
    found = set()
    for item in filter(None, (part.strip() for part in text.split(","))):
        codes = [code.strip() for code in item.split("/")]
        if len(codes) != CODES or not all(codes):
            msg = (
                f"Setting {name} is a list of subsystems with commas between them, as "
                f"INSTANCE/CLASS/MEMBER/SUBSYSTEM; {item[:255]!r} is none"
            )
            raise SettingsError(msg)
        found.add(ClientId(*codes))
    return frozenset(found)
