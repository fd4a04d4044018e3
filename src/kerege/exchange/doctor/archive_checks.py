"""Archives and large bodies: whether they can be encrypted, moved, and are there."""

import os
from collections.abc import Iterable

from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.messagelog import ArchiveEncryption
from kerege.exchange.messagelog.bodies_folder import are_right
from kerege.exchange.security_server.logging_setup import log_policy
from kerege.exchange.storage.read_only import open_read_only
from kerege.xroad.faults import XRoadError

_FOLLOWS = (
    "No archive is written, the message log grows, and encrypted containers cannot be "
    "downloaded. Messages pass."
)
PROGRAM = Code(
    "D-ARCHIVE-GPG",
    Severity.ERROR,
    "Archives are to be encrypted, and the program `gpg` is not installed.",
    _FOLLOWS,
    "On Debian and Ubuntu: apt install gnupg",
)
KEY = Code(
    "D-ARCHIVE-KEY",
    Severity.ERROR,
    "Archives are to be encrypted, and a key is not in the keyring.",
    _FOLLOWS,
    "Import what is named, or correct the map of keys. See "
    "docs/how-to/encrypt-the-message-log-and-its-archives.md",
)
MAP = Code(
    "D-ARCHIVE-MAP",
    Severity.ERROR,
    "The map of members to archive keys cannot be used.",
    _FOLLOWS,
    "Correct the file that `archive_encryption_keys` names. See "
    "docs/how-to/encrypt-the-message-log-and-its-archives.md",
)
TRANSFER = Code(
    "D-ARCHIVE-TRANSFER",
    Severity.WARNING,
    "The folder that finished archives are moved to is not there, or cannot be written.",
    "Archives stay in the archive folder, and its disk fills.",
    "Mount or make the folder that `transfer_directory` names, and let the server's "
    "user write it.",
)
BODIES = Code(
    "D-LOG-BODIES",
    Severity.ERROR,
    "The folder `spool` is not the one that large bodies were logged in.",
    "Archiving stops at the first body that is missing, and downloads fail. What is "
    "logged now lies in the wrong place.",
    "Is its disk mounted? Restart the server after mounting it. If the bodies are lost "
    "for good: kerege security-server message-log accept-lost-bodies",
)
_CODES = {"action_not_possible": PROGRAM, "key_not_found": KEY, "validation_error": MAP}


async def look_at_encryption(examination: Examination) -> Iterable[Finding]:
    """See whether the keyring has what the settings and the map name."""
    encryption = log_policy(examination.settings).archive_encryption
    if encryption is None:
        return [good("Archives are not encrypted")]
    return await in_daemon(lambda: list(_encryption(encryption)))


def _encryption(encryption: ArchiveEncryption) -> Iterable[Finding]:
    try:
        encryption.require_usable()
    except XRoadError as error:
        code = _CODES[error.code]
        subject = str(encryption.key_map if code is MAP else encryption.keyring.home)
        yield code.at(subject, f"{error.message}.", advice=error.advice)
    else:
        yield good(f"Archives are encrypted with keys of {encryption.keyring.home}")


async def look_at_places(examination: Examination) -> Iterable[Finding]:
    """See whether bodies are where they were logged, and archives can go away."""
    return await in_daemon(lambda: list(_places(examination)))


def _places(examination: Examination) -> Iterable[Finding]:
    policy = log_policy(examination.settings)
    goal = policy.transfer_to
    if goal is not None and not goal.is_dir():
        yield TRANSFER.at(str(goal), "It is not there.")
    elif goal is not None and not os.access(goal, os.W_OK | os.X_OK):
        yield TRANSFER.at(str(goal), "It cannot be written.")
    try:
        database = open_read_only(examination.settings.database_url)
        try:
            if not are_right(database, policy.bodies):
                what = "It has not the mark that the database knows."
                yield BODIES.at(str(policy.bodies), what)
        finally:
            database.close()
    except (XRoadError, SQLAlchemyError):
        yield skipped("the database cannot be read")


CHECKS = (
    Check("encryption of archives", look_at_encryption, (PROGRAM, KEY, MAP)),
    Check(
        "bodies and archives",
        look_at_places,
        (TRANSFER, BODIES),
        "bodies are where they were logged",
    ),
)
