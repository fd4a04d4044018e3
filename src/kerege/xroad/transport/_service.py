"""SOAP towards the provider's service: plain, or a multipart as the client sent it.

Rules (`ProxyMessage.writeSoapContent`): the service gets the Content-Type that the
client's information system used, boundary included, if there are attachments or the
original was ``multipart/related``; else ``text/xml; charset=UTF-8``. The SOAP bytes
are never changed. The reference writes ``content-type: `` in a multipart of one part
and ``content-type:`` in others; some services compare bytes, so do we.
"""

from kerege.xroad.transport._content_type import media_type
from kerege.xroad.transport._multipart import Headers
from kerege.xroad.transport._reader import boundary_of

_PLAIN = "text/xml; charset=UTF-8"


def service_content_type(original: str, *, has_attachments: bool) -> str:
    """Return the Content-Type of the request to the service.

    Args:
        original: ``x-original-content-type`` of the message.
        has_attachments: Whether the message has any.
    """
    return original if has_attachments or _is_related(original) else _PLAIN


def soap_for_service(
    original: str, content: bytes, headers: Headers, *, has_attachments: bool
) -> bytes:
    """Return what the service gets up to the attachments, or all if there are none.

    Args:
        original: As in `service_content_type`.
        content: The SOAP bytes.
        headers: Headers of the SOAP part, Content-Type among them.
        has_attachments: Whether `attachment_for_service_began` will follow.

    Raises:
        XRoadError: ``invalid_content_type`` if a multipart has no boundary.
    """
    if has_attachments:
        return _began(original, headers, ":") + content + b"\r\n"
    if not _is_related(original):
        return content
    began = _began(original, headers, ": ")
    return began + content + b"\r\n" + attachments_for_service_ended(original)


def attachment_for_service_began(original: str, headers: Headers) -> bytes:
    """Return the start of an attachment; `PART_ENDED` goes after its bytes.

    Raises:
        XRoadError: ``invalid_content_type`` if the original has no boundary.
    """
    return _began(original, headers, ":")


def attachments_for_service_ended(original: str) -> bytes:
    """Return the end of a multipart. Raises ``invalid_content_type``."""
    return b"--%b--\r\n" % boundary_of(original).encode("latin-1")


def _is_related(original: str) -> bool:
    return media_type(original) == "multipart/related"


def _began(original: str, headers: Headers, colon: str) -> bytes:
    boundary = boundary_of(original)
    lines = [f"--{boundary}"]
    lines += [f"content-type{colon}{v}" for n, v in headers if _is_type(n)]
    lines += [f"{n}: {v}" for n, v in headers if not _is_type(n)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _is_type(name: str) -> bool:
    return name.lower() == "content-type"
