"""Archives: whether they can be encrypted."""

from collections.abc import Iterable

from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good
from kerege.exchange.messagelog import ArchiveEncryption
from kerege.exchange.security_server.logging_setup import log_policy
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


CHECKS = (Check("encryption of archives", look_at_encryption, (PROGRAM, KEY, MAP)),)
