"""Write a message of the transport protocol: one function per part.

Each returns a whole part, from its delimiter to the line end that closes its body,
so that the shell can join what it has and write once::

    ocsp_part(b, der) + message_part(b, kind, block) + body_part(b, body)
    + signature_part(b, xml) + closing(b)

A body of any size is streamed: `body_began`, the bytes, `PART_ENDED`. The line ends
are those of `MultipartEncoder.java`; the boundary comes from the shell, which makes
a fresh random one (``xtop`` and 30 letters) for every message.
"""

from kerege.xroad.transport._events import MessageKind
from kerege.xroad.transport._multipart import Headers

PART_ENDED = b"\r\n"
"""After the bytes of a streamed body or attachment."""

_MESSAGE_TYPES = {
    MessageKind.SOAP: b"text/xml; charset=UTF-8",
    MessageKind.REST_REQUEST: b"application/x-road-rest-request",
    MessageKind.REST_RESPONSE: b"application/x-road-rest-response",
}


def content_type(boundary: str) -> str:
    """Return the Content-Type of the HTTP message."""
    return f"multipart/mixed; charset=UTF-8; boundary={boundary}"


def ocsp_part(boundary: str, der: bytes) -> bytes:
    """Return the part of one OCSP response; the sender's own certificate first."""
    return _part(boundary, b"application/ocsp-response", der)


def message_part(
    boundary: str, kind: MessageKind, content: bytes, headers: Headers = ()
) -> bytes:
    """Return the message's part.

    Args:
        boundary: Of the multipart.
        kind: Decides the Content-Type, except for SOAP with one among ``headers``.
        content: SOAP envelope or REST block, as signed.
        headers: SOAP only: Content-Type and further headers of the part.
    """
    if not headers:
        return _part(boundary, _MESSAGE_TYPES[kind], content)
    return b"%b%b\r\n" % (_began_with(boundary, headers), content)


def body_part(boundary: str, content: bytes) -> bytes:
    """Return the part of a REST body that is in memory."""
    return _part(boundary, b"application/x-road-rest-body", content)


def body_began(boundary: str) -> bytes:
    """Return the start of a REST body's part; end it with `PART_ENDED`."""
    return _began(boundary, b"application/x-road-rest-body")


def attachments_began(boundary: str, nested_boundary: str) -> bytes:
    """Return the start of the part that holds all SOAP attachments."""
    nested = content_type(nested_boundary).encode()
    return _began(boundary, nested) + b"\r\n"


def attachment_began(nested_boundary: str, headers: Headers) -> bytes:
    """Return the start of one SOAP attachment; end it with `PART_ENDED`."""
    return _began_with(nested_boundary, headers)


def attachments_ended(nested_boundary: str) -> bytes:
    """Return the end of the part that holds all SOAP attachments."""
    return b"--%b--\r\n\r\n" % nested_boundary.encode()


def hash_chain_parts(boundary: str, result: bytes, chain: bytes) -> bytes:
    """Return the two parts of a batch signature: the result, then the chain."""
    return _part(boundary, b"application/hash-chain-result", result) + _part(
        boundary, b"application/hash-chain", chain
    )


def signature_part(boundary: str, signature: bytes) -> bytes:
    """Return the part of the signature document."""
    return _part(boundary, b"signature/bdoc-1.0/ts", signature)


def fault_part(boundary: str, fault: bytes) -> bytes:
    """Return the part of a SOAP fault, instead of the signature or of the message."""
    return _part(boundary, b"text/xml; charset=UTF-8", fault)


def closing(boundary: str) -> bytes:
    """Return the last delimiter."""
    return b"--%b--\r\n" % boundary.encode()


def _part(boundary: str, media_type: bytes, content: bytes) -> bytes:
    return b"--%b\r\ncontent-type: %b\r\n\r\n%b\r\n" % (
        boundary.encode(),
        media_type,
        content,
    )


def _began(boundary: str, media_type: bytes) -> bytes:
    return b"--%b\r\ncontent-type: %b\r\n\r\n" % (boundary.encode(), media_type)


def _began_with(boundary: str, headers: Headers) -> bytes:
    """Write Content-Type first and in lower case, the others as they came."""
    types = [("content-type", v) for n, v in headers if n.lower() == "content-type"]
    others = [(n, v) for n, v in headers if n.lower() != "content-type"]
    lines = "".join([f"{name}: {value}\r\n" for name, value in types + others])
    return b"--%b\r\n%b\r\n" % (boundary.encode(), lines.encode("latin-1"))
