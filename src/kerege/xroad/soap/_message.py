"""What X-Road reads from an envelope, and the checks between two of them."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha512
from hmac import compare_digest
from typing import TypeVar

from kerege.xroad import identifier_xml
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import RelayedFaultError, XRoadError
from kerege.xroad.identifier_xml import IDENTIFIERS_NAMESPACE, Parts
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty
from kerege.xroad.soap._encoding import to_utf8
from kerege.xroad.soap._fault import read_fault
from kerege.xroad.soap._names import (
    ENCODING_NAMESPACE,
    MAX_SOAP_BYTES,
    REPRESENTATION_NAMESPACE,
    SECURITY_TOKEN_NAMESPACE,
    XROAD_NAMESPACE,
    refuse,
)
from kerege.xroad.soap._scan import scan
from kerege.xroad.soap._walk import Element, Scan

REQUEST_HASH_ALGORITHM = SHA512
"""Of request hashes, whatever else is signed with."""

_XROAD = f"{{{XROAD_NAMESPACE}}}"
_REPR = f"{{{REPRESENTATION_NAMESPACE}}}"
_OBJECT_TYPE = f"{IDENTIFIERS_NAMESPACE}}}objectType"
_MEDIA_TYPES = frozenset({"text/xml", "application/xop+xml"})

REQUEST_HASH = f"{_XROAD}requestHash"
QUERY_ID = f"{_XROAD}id"
_FIELDS = {
    f"{_XROAD}client": "client",
    f"{_XROAD}service": "service",
    QUERY_ID: "id",
    f"{_XROAD}protocolVersion": "protocolVersion",
    f"{_XROAD}userId": "userId",
    f"{_XROAD}issue": "issue",
    f"{_XROAD}securityServer": "securityServer",
    REQUEST_HASH: "requestHash",
    f"{_REPR}representedParty": "representedParty",
    f"{{{SECURITY_TOKEN_NAMESPACE}}}securityToken": "securityToken",
}
_Id = TypeVar("_Id", ClientId, SecurityServerId, ServiceId)
_MAX_KEPT_CHARACTERS = 400
"""Of the codes of an identifier that is kept for the next message; most have 40."""
_REQUIRED = ("protocolVersion", "client", "id", "service")
"""In the order in which the reference misses them."""


@dataclass(frozen=True, slots=True)
class SecurityToken:
    """A token for the service; X-Road carries it and does not look at it."""

    value: str = field(repr=False)
    token_type: str | None = None
    """A URI, such as ``urn:ietf:params:oauth:token-type:jwt``."""


@dataclass(frozen=True, slots=True)
class SoapMessage:
    """What X-Road needs to know of an envelope that is not a fault."""

    client_id: ClientId
    service_id: ServiceId
    query_id: str
    protocol_version: str
    body_element: str
    """Local name of the only child of the Body."""
    user_id: str | None = field(default=None, repr=False)
    issue: str | None = field(default=None, repr=False)
    represented_party: RepresentedParty | None = field(default=None, repr=False)
    security_server: SecurityServerId | None = None
    """The one server that shall answer, where the provider has several."""
    request_hash: str | None = None
    """Base64, in responses only."""
    security_token: SecurityToken | None = field(default=None, repr=False)
    is_rpc: bool = False

    @property
    def is_response(self) -> bool:
        """Whether the body's element says that this is an answer."""
        return self.body_element.endswith("Response")


def read(content: bytes, content_type: str) -> SoapMessage | RelayedFaultError:
    """Read a SOAP message.

    Args:
        content: The bytes as received; a byte-order mark may come first.
        content_type: The Content-Type of the message or of its part. Its charset is
            not looked at: the bytes say themselves in which encoding they are.

    Returns:
        The X-Road header, or the fault if the body has one.

    Raises:
        XRoadError: ``invalid_content_type``, ``invalid_soap`` (not XML, no
            envelope, too large), ``missing_header``, ``missing_header_field``,
            ``duplicate_header_field``, ``invalid_protocol_version``,
            ``missing_body``, ``invalid_body``, ``inconsistent_headers``; for
            identifiers ``invalid_xml`` and ``invalid_client_identifier``.
    """
    require_soap_type(content_type)
    if len(content) > MAX_SOAP_BYTES:
        refuse(f"The SOAP message is larger than {MAX_SOAP_BYTES} bytes")
    found = scan(to_utf8(content))
    return read_fault(content) if found.has_fault else message_of(found)


def require_soap_type(content_type: str) -> None:
    """Raise ``invalid_content_type`` if no SOAP message has this Content-Type."""
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise XRoadError(
            "invalid_content_type",
            f"{content_type[:255]!r} is not a Content-Type of SOAP messages",
            quotes=repr(content_type[:255]),
        )


def request_hash(content: bytes) -> str:
    """Return the hash of a request that its answer must have.

    Args:
        content: The request's bytes as received and signed, a byte-order mark
            included, attachments not.

    Returns:
        Base64 of the SHA-512 digest.
    """
    return b64encode(sha512(content).digest()).decode("ascii")


def check_request_hash(response: SoapMessage, request: bytes) -> None:
    """Check that the response was made for exactly these bytes.

    Only the value is compared, not the name of its algorithm
    (`ClientMessageProcessor.checkRequestHash`).

    Args:
        response: The answer.
        request: The request as in `request_hash`.

    Raises:
        XRoadError: ``inconsistent_response``.
    """
    if response.request_hash is None:
        raise XRoadError("inconsistent_response", "The answer has no requestHash")
    try:
        claimed = b64decode("".join(response.request_hash.split()), validate=True)
    except (Base64Error, ValueError):
        claimed = b""
    if not compare_digest(claimed, sha512(request).digest()):
        raise XRoadError(
            "inconsistent_response",
            "The answer's requestHash is not that of the request",
        )


def check_consistency(request: SoapMessage, response: SoapMessage) -> None:
    """Check that the response repeats the header of the request.

    Source: `SoapUtils.checkConsistency` and the fields marked in `SoapHeader`.
    The request hash is compared by `check_request_hash`.

    Raises:
        XRoadError: ``inconsistent_headers``.
    """
    for name, asked, answered in (
        ("client", request.client_id, response.client_id),
        ("service", request.service_id, response.service_id),
        ("userId", request.user_id, response.user_id),
        ("representedParty", request.represented_party, response.represented_party),
        ("issue", request.issue, response.issue),
        ("id", request.query_id, response.query_id),
    ):
        if asked != answered:
            raise XRoadError(
                "inconsistent_headers",
                f"The answer does not belong to the request: {name} differs",
            )


def message_of(found: Scan) -> SoapMessage:
    """Interpret what was found in an envelope. Raises as `read` does."""
    fields = _header_fields(found)
    body_element = _body_element(found)
    service_id = _identifier(fields["service"], identifier_xml.read_service_id)
    if not body_element.startswith(service_id.service_code):
        raise XRoadError(
            "inconsistent_headers",
            f"The body's element {body_element[:255]!r} does not start with the "
            f"service code {service_id.service_code[:255]!r}",
            quotes=repr(body_element[:255]),
        )
    server = fields.get("securityServer")
    return SoapMessage(
        client_id=_identifier(fields["client"], identifier_xml.read_client_id),
        service_id=service_id,
        query_id=fields["id"].text,
        protocol_version=_protocol_version(fields["protocolVersion"].text),
        body_element=body_element,
        user_id=_optional_text(fields, "userId"),
        issue=_optional_text(fields, "issue"),
        represented_party=_represented_party(fields.get("representedParty")),
        security_server=(
            None
            if server is None
            else _identifier(server, identifier_xml.read_server_id)
        ),
        request_hash=_optional_text(fields, "requestHash"),
        security_token=_security_token(fields.get("securityToken")),
        is_rpc=found.encoding_style == ENCODING_NAMESPACE,
    )


def _header_fields(found: Scan) -> dict[str, Element]:
    """Return the X-Road elements of the Header, or Headers, by their names."""
    if not found.headers:
        raise XRoadError("missing_header", "The SOAP message has no Header")
    fields: dict[str, Element] = {}
    for element in found.header:
        name = _FIELDS.get(element.name)
        if name is None:
            continue
        if name in fields:
            raise XRoadError(
                "duplicate_header_field", f"The SOAP header has {name} twice"
            )
        fields[name] = element
    for name in _REQUIRED:
        if name not in fields:
            raise XRoadError("missing_header_field", f"The SOAP header has no {name}")
    return fields


def _body_element(found: Scan) -> str:
    if not found.bodies:
        raise XRoadError("missing_body", "The SOAP message has no Body")
    names = found.body_names
    if found.bodies != 1 or len(names) != 1:
        count = "more than one" if len(names) > 1 else str(len(names))
        raise XRoadError(
            "invalid_body",
            "A SOAP message has one Body with one child element, "
            f"got {found.bodies} with {count}",
        )
    return names[0]


def _identifier(element: Element, read_id: Callable[[Parts], _Id]) -> _Id:
    """Read an identifier; one that was read lately is not read again."""
    name = element.name.rpartition("}")[2]
    object_type, codes = element.attributes.get(_OBJECT_TYPE), element.child_texts
    if sum([len(text) for _, text in codes]) > _MAX_KEPT_CHARACTERS:
        return read_id(Parts(name, object_type, codes))
    # lru_cache forgets the type variable.
    return _kept_identifier(  # type: ignore[no-any-return]
        read_id, name, object_type, tuple(codes)
    )


@lru_cache(maxsize=1024)
def _kept_identifier(
    read_id: Callable[[Parts], _Id],
    name: str,
    object_type: str | None,
    codes: tuple[tuple[str, str], ...],
) -> _Id:
    return read_id(Parts(name, object_type, list(codes)))


def _protocol_version(version: str) -> str:
    if not version.startswith("4."):
        raise XRoadError(
            "invalid_protocol_version",
            f"Message protocol {version[:32]!r} is not supported, only 4.x",
            quotes=repr(version[:32]),
        )
    return version


def _represented_party(element: Element | None) -> RepresentedParty | None:
    if element is None:
        return None
    texts: dict[str, str] = {}
    for tag, text in element.child_texts:
        name = tag.removeprefix(_REPR)
        if name in texts:
            raise XRoadError(
                "duplicate_header_field", f"The representedParty has {name} twice"
            )
        texts[name] = text
    return RepresentedParty(texts.get("partyCode", ""), texts.get("partyClass"))


def _security_token(element: Element | None) -> SecurityToken | None:
    if element is None:
        return None
    return SecurityToken(element.text, element.attributes.get("tokenType"))


def _optional_text(fields: dict[str, Element], name: str) -> str | None:
    element = fields.get(name)
    return None if element is None else element.text
