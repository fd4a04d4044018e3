"""Keys: the token's folder and its files, seen without the PIN."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

from asn1crypto.keys import EncryptedPrivateKeyInfo

from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good
from kerege.exchange.doctor.token import InternalSeen, TokenSeen
from kerege.exchange.doctor.words import listed, moment
from kerege.xroad.faults import XRoadError

MAX_KEY_FILE_BYTES = 64 * 1024
"""An encrypted RSA-4096 key has 3.5 KiB."""
BEGIN = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
END = b"-----END ENCRYPTED PRIVATE KEY-----"

TOKEN_MISSING = Code(
    "D-TOKEN-MISSING",
    Severity.ERROR,
    "There is no token in the folder that the settings file names.",
    "The server has no keys and does not start.",
    "Correct `token` in the settings file, or restore the folder from a backup.",
)
TOKEN_DAMAGED = Code(
    "D-TOKEN-DAMAGED",
    Severity.ERROR,
    "The token's list of keys and certificates cannot be read.",
    "The server does not start, and cannot log in again.",
    "Restore the token's folder from a backup.",
)
TOKEN_OPEN = Code(
    "D-TOKEN-PERMISSIONS",
    Severity.ERROR,
    "Others than the server's user may read the token's files or change its folder.",
    "The server refuses to use the token, as it cannot know who has been there.",
    "Give the folder mode 700 and its files mode 600, and find out who opened it.",
)
KEY_MISSING = Code(
    "D-KEY-MISSING",
    Severity.ERROR,
    "The file of a key is not in the token's folder.",
    "After a restart this key is not there: without another one for the same purpose the "
    "server, or the member that it signs for, passes no message.",
    "Restore the file from a backup, before the server reloads or restarts. Without a "
    "backup: keys delete, keys generate, and a new certificate; the others stay.",
)
KEY_DAMAGED = Code(
    "D-KEY-DAMAGED",
    Severity.ERROR,
    "The file of a key is damaged.",
    "After a restart this key is not there: without another one for the same purpose the "
    "server, or the member that it signs for, passes no message.",
    "Restore the file from a backup, before the server reloads or restarts. Without a "
    "backup: keys delete, keys generate, and a new certificate; the others stay.",
)
INTERNAL = Code(
    "D-TLS-KEY",
    Severity.ERROR,
    "The key and the certificate of the information systems' HTTPS port cannot be used "
    "together.",
    "The server does not start.",
    "Restore `internal.key` and `internal.crt` from a backup. If both are removed, new "
    "ones are made at the next start, and information systems must be told to trust "
    "the new certificate.",
)
INTERNAL_ENDS = Code(
    "D-TLS-EXPIRES",
    Severity.WARNING,
    "The certificate of the information systems' HTTPS port has expired or is in its "
    "last month.",
    "Information systems that look at the date do not connect any more.",
    "Put a new `internal.key` and `internal.crt` in the server's folder, give the "
    "certificate to the information systems, and restart the server.",
)

_OF_CODE = {
    "token_not_found": TOKEN_MISSING,
    "malformed_key_conf": TOKEN_DAMAGED,
    "token_not_available": TOKEN_OPEN,
}


async def look_at_token(examination: Examination) -> Iterable[Finding]:
    """Look at the token's files."""
    folder = examination.path(examination.settings.token)
    try:
        token = await examination.token.get()
    except XRoadError as error:
        code = _OF_CODE.get(error.code, TOKEN_DAMAGED)
        return [code.at(str(folder), f"{error.message}.", advice=error.advice)]
    found = await in_daemon(lambda: list(_files(token)))
    return found or [good(f"{len(token.keys)} keys, their files are there")]


async def look_at_internal_key(examination: Examination) -> Iterable[Finding]:
    """Look at the key of the HTTPS port."""
    try:
        seen = await in_daemon(examination.keys.internal, examination.settings)
    except XRoadError as error:
        folder = examination.settings.directory
        reason = error.message.rpartition("cannot be used: ")[2]
        said = f"They cannot be used: {reason.rstrip('.')}."
        return [INTERNAL.at(f"internal.key and internal.crt in {folder}", said)]
    if seen is None:
        return [good("not made yet; the server makes it when it starts")]
    return _ending(examination, seen)


def _ending(examination: Examination, seen: InternalSeen) -> list[Finding]:
    ends = seen.certificate.not_valid_after_utc
    left = ends - examination.clock()
    if left.days < examination.limits.month_days:
        said = "It expired on" if left.total_seconds() < 0 else "It ends on"
        return [INTERNAL_ENDS.at(str(seen.file), f"{said} {moment(ends)}.")]
    return [good(f"internal.crt is valid until {ends:%Y-%m-%d}")]


def _files(token: TokenSeen) -> Iterator[Finding]:
    opened: list[str] = []
    for key in token.keys:
        code_and_reason = wrong_with_file(key.file)
        if code_and_reason is None:
            continue
        code, reason = code_and_reason
        if code is TOKEN_OPEN:
            opened.append(reason)
        else:
            yield code.at(key.name, reason)
    if opened:
        chmod = f"chmod 600 {token.folder}/*.pem, and find out who has read them."
        said = f"Others may read key files: {listed(opened)}."
        yield TOKEN_OPEN.at(str(token.folder), said, advice=chmod)


def wrong_with_file(file: Path) -> tuple[Code, str] | None:
    """Return what is wrong with the file of a key, as far as it shows unopened."""
    try:
        with file.open("rb") as stream:
            mode = file.stat().st_mode & 0o777
            data = stream.read(MAX_KEY_FILE_BYTES).strip()
    except FileNotFoundError:
        return KEY_MISSING, f"There is no file {file}."
    except OSError as error:
        return KEY_DAMAGED, f"{file} cannot be read: {error.strerror}."
    if mode & 0o077:
        return TOKEN_OPEN, f"{file.name} has mode {mode:o}"
    if not _is_encrypted_key(data):
        return KEY_DAMAGED, f"{file} does not hold a whole encrypted private key."
    return None


def _is_encrypted_key(pem: bytes) -> bool:
    """Whether this is PEM of one DER value: what the PIN is not needed to see."""
    if not (pem.startswith(BEGIN) and pem.endswith(END)):
        return False
    body = b"".join(pem.removeprefix(BEGIN).removesuffix(END).split())
    try:
        EncryptedPrivateKeyInfo.load(base64.b64decode(body, validate=True), strict=True)
    except (ValueError, TypeError):
        return False
    return True


CHECKS = (
    Check(
        "keys",
        look_at_token,
        (TOKEN_MISSING, TOKEN_DAMAGED, TOKEN_OPEN, KEY_MISSING, KEY_DAMAGED),
    ),
    Check("HTTPS key", look_at_internal_key, (INTERNAL, INTERNAL_ENDS)),
)
