"""The message log: signed messages, their time-stamps, archives and downloads."""

from kerege.exchange.messagelog.archive_job import ArchiveJob
from kerege.exchange.messagelog.archiver import Archiver
from kerege.exchange.messagelog.downloads import (
    AsicRequest,
    Download,
    InstanceConfiguration,
    asic_download,
    download_status,
    verification_configuration,
)
from kerege.exchange.messagelog.encryption_keys import ArchiveEncryption
from kerege.exchange.messagelog.gpg import Keyring
from kerege.exchange.messagelog.log import MessageLog
from kerege.exchange.messagelog.sealing import LogCipher, LogKey
from kerege.exchange.messagelog.timestamp_client import TimestampClient
from kerege.exchange.messagelog.values import (
    BodyLogging,
    Grouping,
    LargeBodies,
    LogPolicy,
    LogRecord,
    Timestamper,
)
from kerege.xroad.asic import Direction

__all__ = [
    "ArchiveEncryption",
    "ArchiveJob",
    "Archiver",
    "AsicRequest",
    "BodyLogging",
    "Direction",
    "Download",
    "Grouping",
    "InstanceConfiguration",
    "Keyring",
    "LargeBodies",
    "LogCipher",
    "LogKey",
    "LogPolicy",
    "LogRecord",
    "MessageLog",
    "TimestampClient",
    "Timestamper",
    "asic_download",
    "download_status",
    "verification_configuration",
]
