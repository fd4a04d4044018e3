"""The settings of the message log."""

from dataclasses import dataclass

from kerege.exchange.security_server.setting_options import option


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
    keep_records_days: float = option(
        30.0,
        "Archived records stay in the database for so long.",
        reference="message-log.keep-records-for",
    )
