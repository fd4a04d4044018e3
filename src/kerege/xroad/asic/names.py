"""Names: entries of a container, and container files.

Source: `AsicContainerEntries.java`, `AsicContainerNameGenerator.java`,
`AsicUtils.java`, `MessageFileNames.java`.
"""

import re
from enum import Enum
from typing import overload
from urllib.parse import quote_plus

MIME_TYPE = "application/vnd.etsi.asic-e+zip"
COMMENT = b"mimetype=" + MIME_TYPE.encode()
"""The ZIP comment of the reference's containers."""

MIMETYPE = "mimetype"
MESSAGE = "message.xml"
SIGNATURE = "META-INF/signatures.xml"
SIGNATURE_CHAIN_RESULT = "sig-hashchainresult.xml"
SIGNATURE_CHAIN = "sig-hashchain.xml"
TIMESTAMP_CHAIN_RESULT = "ts-hashchainresult.xml"
TIMESTAMP_CHAIN = "ts-hashchain.xml"
MANIFEST = "META-INF/manifest.xml"
ASIC_MANIFEST = "META-INF/ASiCManifest.xml"
TIMESTAMP = "META-INF/timestamp.tst"
ATTACHMENT = "attachment"
META_INF = "META-INF/"

MAX_FILE_NAME = 255
"""What common file systems take; the bounds below add up to it."""
MAX_QUERY_ID = 226
"""Characters of the encoded query id that go into a container's file name."""
_MAX_RECORD_ID = 2**63 - 1
_BASE_32 = "0123456789abcdefghijklmnopqrstuv"

PARTS = (
    SIGNATURE,
    MIMETYPE,
    MESSAGE,
    SIGNATURE_CHAIN_RESULT,
    SIGNATURE_CHAIN,
    TIMESTAMP_CHAIN_RESULT,
    TIMESTAMP_CHAIN,
    MANIFEST,
    ASIC_MANIFEST,
    TIMESTAMP,
)
"""Entries that are read whole."""
_BY_FOLDED = {name.casefold(): name for name in PARTS}
_SIGNATURE_PATTERN = re.compile(r"META-INF/.*signatures.*\.xml", re.IGNORECASE)
_ATTACHMENT_PATTERN = re.compile(r"attachment([1-9][0-9]{0,5})")


class Direction(Enum):
    """Whether a container holds a request or a response."""

    REQUEST = "request"
    RESPONSE = "response"


def container_name(query_id: str, direction: Direction, record_id: int) -> str:
    """Return the file name of a container.

    Args:
        query_id: The message's query id, any text.
        direction: Request or response.
        record_id: Number of the log record, 0 to 2^63-1.

    >>> container_name("a b/1", Direction.REQUEST, 75)
    'a+b%2F1-request-2b.asice'
    """
    if not 0 <= record_id <= _MAX_RECORD_ID:
        msg = f"Record id {record_id} is out of range"
        raise ValueError(msg)
    query = truncate(escape_query_id(query_id), MAX_QUERY_ID)
    return f"{query}-{direction.value}-{base_32(record_id)}.asice"


def escape_query_id(query_id: str) -> str:
    """Return the query id as `java.net.URLEncoder` writes it."""
    encoded = quote_plus(query_id.encode(errors="replace"), safe="*")
    return encoded.replace("~", "%7E")


@overload
def truncate(text: str, limit: int) -> str: ...
@overload
def truncate(text: None, limit: int) -> None: ...
def truncate(text: str | None, limit: int) -> str | None:
    """Return at most the first ``limit`` characters; nothing stays nothing."""
    return None if text is None else text[:limit]


def base_32(number: int) -> str:
    """Return a number that is not negative with the digits 0-9, a-v."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 32)
        digits = _BASE_32[digit] + digits
    return digits


def canonical_name(name: str) -> str:
    """Return the name by which this package knows an entry, whatever its case.

    Any ``META-INF/*signatures*.xml`` is the signature. Unknown names stay, and names
    with letters that only Unicode takes for those of ASCII, such as a long s.
    """
    if not name.isascii():
        return name
    if _SIGNATURE_PATTERN.fullmatch(name):
        return SIGNATURE
    return _BY_FOLDED.get(name.casefold(), name)


def attachment_number(name: str) -> int | None:
    """Return n of ``attachmentN``, or None for other names."""
    match = _ATTACHMENT_PATTERN.fullmatch(name)
    return int(match[1]) if match else None


def uri_of(entry: str) -> str:
    """Return the URI by which signatures and hash chains name an entry."""
    return "/" + entry
