"""Names and bounds of SOAP messages."""

from typing import NoReturn

from kerege.xroad.faults import XRoadError

ENVELOPE_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"
XROAD_NAMESPACE = "http://x-road.eu/xsd/xroad.xsd"
REPRESENTATION_NAMESPACE = "http://x-road.eu/xsd/representation.xsd"
SECURITY_TOKEN_NAMESPACE = "http://x-road.eu/xsd/security-token.xsd"  # noqa: S105
ENCODING_NAMESPACE = "http://schemas.xmlsoap.org/soap/encoding/"
XINCLUDE_NAMESPACE = "http://www.w3.org/2001/XInclude"

MAX_SOAP_BYTES = 16 * 1024 * 1024
"""SOAP is parsed in memory; larger data belongs into attachments."""
MAX_FAULT_BYTES = 1024 * 1024
"""A fault becomes a tree; Java's longest stack trace fits."""
MAX_DEPTH = 250
"""Elements within each other. libxml2 and most other parsers stop at 256."""
MAX_ELEMENTS = 1_000_000
"""Elements of a message that has to be walked through one by one, see `_scan`."""
MAX_HEADER_ELEMENTS = 1000
"""Elements of the Header. X-Road's have about 20, WS-Security adds a hundred."""
MAX_FAULT_CODE_CHARACTERS = 255
"""Codes end in a header and in monitoring records; real ones have about 60."""
MAX_FAULT_TEXT_CHARACTERS = 10_000
"""Texts end in answers and logs; a stack trace still fits."""


def refuse(message: str, quotes: str = "") -> NoReturn:
    """Raise ``invalid_soap``, with the piece of the message that quotes a body."""
    raise XRoadError("invalid_soap", message, quotes=quotes)
