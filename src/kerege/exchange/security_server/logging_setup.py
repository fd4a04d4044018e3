"""The message log as the settings and the server configuration describe it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from kerege.exchange.files import sync_path
from kerege.exchange.messagelog import (
    ArchiveEncryption,
    BodyLogging,
    Grouping,
    Keyring,
    LargeBodies,
    LogCipher,
    LogPolicy,
    MessageLog,
    TimestampClient,
)
from kerege.exchange.messagelog.bodies_folder import mark_bodies
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import ServerConfiguration
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf


def log_policy(settings: Settings, cipher: LogCipher | None = None) -> LogPolicy:
    """Translate the settings; ``cipher`` opens, and perhaps seals, what is logged."""
    chosen = settings.message_log
    bodies = chosen.body_logging
    return LogPolicy(
        bodies=settings.path(settings.spool),
        archive=settings.path(chosen.archive_directory),
        max_body_bytes=chosen.largest_logged_body_bytes,
        large_bodies=LargeBodies(chosen.larger_bodies),
        body_logging=bodies and BodyLogging(*bodies),
        timestamp_immediately=chosen.timestamp_immediately,
        timestamp_records_limit=chosen.timestamp_records_limit,
        acceptable_failure_seconds=int(chosen.acceptable_timestamp_failure_seconds),
        retry_delay_seconds=int(chosen.timestamp_retry_seconds),
        archive_max_bytes=chosen.archive_max_bytes,
        archive_interval_seconds=int(chosen.archive_interval_seconds),
        grouping=Grouping(chosen.archive_grouping),
        archive_encryption=_archive_encryption(settings),
        transfer_to=(
            settings.path(chosen.transfer_directory)
            if chosen.transfer_directory
            else None
        ),
        transfer_command=chosen.transfer_command,
        keep_seconds=int(chosen.keep_records_days * 86_400),
        cipher=cipher,
        encrypt=chosen.encrypt_bodies,
    )


def _archive_encryption(settings: Settings) -> ArchiveEncryption | None:
    chosen = settings.message_log
    if not chosen.encrypt_archives:
        return None
    key_map = chosen.archive_encryption_keys
    return ArchiveEncryption(
        Keyring(settings.path(chosen.archive_gpg_home)),
        chosen.archive_default_encryption_key,
        settings.path(key_map) if key_map else None,
    )


@asynccontextmanager
async def open_log(
    settings: Settings,
    database: Database,
    configuration: Callable[[], GlobalConf],
    rights: Callable[[], ServerConfiguration],
    clock: Callable[[], datetime],
    *,
    cipher: LogCipher | None,
) -> AsyncIterator[MessageLog]:
    """Open the log for as long as the block runs; its folders are made.

    The server chooses its time-stamping services; whom to believe is said by the
    global configuration.

    Raises ``key_not_available`` if messages are to be encrypted without a cipher.
    """
    policy = log_policy(settings, cipher)
    if policy.encrypt and cipher is None:
        raise XRoadError(
            "key_not_available",
            "The message log cannot be encrypted: the token has no key for it",
            advice="Make one with `kerege security-server message-log new-key`, or set "
            "`encrypt_bodies = false` in [message_log] of the settings.",
        )
    for folder in (policy.bodies, policy.archive):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_path(folder.parent)  # else a power cut may take the folder with all in it
    await asyncio.to_thread(mark_bodies, database, policy.bodies)
    timestamper = TimestampClient(
        lambda: [service.url for service in rights().timestamping_services],
        lambda: configuration().tsa_certificates(configuration().instance),
    )
    log = MessageLog(
        database,
        policy,
        timestamper,
        clock=clock,
        interval=lambda: configuration().timestamping_interval_seconds,
    )
    try:
        async with log:
            yield log
    finally:
        await timestamper.close()
