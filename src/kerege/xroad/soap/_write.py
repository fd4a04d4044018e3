"""Envelopes of our own: requests of clients, answers of servers, records without body.

The header is written as the reference's `SoapBuilder` writes it, without white space.
"""

import dataclasses
import re

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifier_xml import IDENTIFIERS_NAMESPACE, codes_of
from kerege.xroad.identifiers import XRoadId
from kerege.xroad.soap._encoding import to_utf8
from kerege.xroad.soap._message import REQUEST_HASH_ALGORITHM, SoapMessage
from kerege.xroad.soap._names import (
    ENCODING_NAMESPACE,
    ENVELOPE_NAMESPACE,
    REPRESENTATION_NAMESPACE,
    SECURITY_TOKEN_NAMESPACE,
    XROAD_NAMESPACE,
)
from kerege.xroad.soap._scan import end_of_tag, scan

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no `Char` of XML 1.0, section 2.2."""
_ESCAPED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
)
_TAG_END = re.compile(rb"<(?:\"[^\"]*+\"|'[^']*+'|[^>\"']++)*+>")


def write(message: SoapMessage, body: bytes | None = None) -> bytes:
    """Return an envelope with this X-Road header.

    Args:
        message: Its fields; ``is_rpc`` sets the envelope's encodingStyle.
        body: The Body's only element, well-formed and with the namespaces that it
            needs. None for an empty element of the name that ``message`` says.

    Returns:
        UTF-8 with an XML declaration.

    Raises:
        XRoadError: ``missing_header_field`` if a required field is missing or empty,
            ``inconsistent_headers`` if ``body`` is not the element that ``message``
            says, ``invalid_soap`` if it is not well-formed or a value cannot be
            written in XML.
    """
    _require_fields(message)
    if body is None:
        name = _text(message.body_element)
        body = f"<xroad:{name}></xroad:{name}>".encode()
        body_is_ours = True
    else:
        body_is_ours = False
    token = message.security_token
    namespaces = {
        "SOAP-ENV": ENVELOPE_NAMESPACE,
        "id": IDENTIFIERS_NAMESPACE,
        "xroad": XROAD_NAMESPACE,
    }
    if message.represented_party:
        namespaces["repr"] = REPRESENTATION_NAMESPACE
    if token:
        namespaces["token"] = SECURITY_TOKEN_NAMESPACE
    declared = "".join(f' xmlns:{name}="{uri}"' for name, uri in namespaces.items())
    style = f' SOAP-ENV:encodingStyle="{ENCODING_NAMESPACE}"' if message.is_rpc else ""
    start = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope{declared}{style}>'
        f"<SOAP-ENV:Header>{_header(message)}</SOAP-ENV:Header><SOAP-ENV:Body>"
    )
    content = start.encode() + body + b"</SOAP-ENV:Body></SOAP-ENV:Envelope>\n"
    if not body_is_ours:
        _require_body(content, message.body_element)
    return content


def answer_to(request: bytes, body: bytes) -> bytes:
    """Return the envelope of a request with another element in its Body.

    This is how servers answer themselves: the Header stays as it was, with elements
    that X-Road does not know. The request hash comes later, see `add_request_hash`.

    Args:
        request: The request's bytes, which have been read.
        body: The Body's only element, with the namespaces that it needs.

    Returns:
        The answer, in UTF-8.

    Raises:
        XRoadError: ``invalid_soap``.
    """
    text = to_utf8(request)
    found = scan(text)
    start, end = found.body
    tag = _TAG_END.match(text, start)
    if tag is None or end < tag.end():
        raise XRoadError("invalid_soap", "The request has no Body to answer to")
    envelope = (
        text[found.root[0] : tag.end()]
        + body
        + text[end : end_of_tag(text, found.root[1])]
    )
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + envelope


def without_body(message: SoapMessage) -> bytes:
    """Return what is logged of a message whose body must not be logged.

    A new envelope with the X-Road fields of the header and an empty element in the
    Body (`MessageBodyManipulator`): other header elements, and with them a security
    token, are not logged either.
    """
    code = message.service_id.service_code
    name = f"{code}Response" if message.is_response else code
    bare = dataclasses.replace(
        message, body_element=name, security_token=None, is_rpc=False
    )
    return write(bare)


def response_to(request: SoapMessage) -> SoapMessage:
    """Return the header of the answer to a request, as far as it is known yet."""
    name = f"{request.service_id.service_code}Response"
    return dataclasses.replace(request, body_element=name)


def _require_fields(message: SoapMessage) -> None:
    fields: tuple[tuple[str, object], ...] = (
        ("client", message.client_id),
        ("service", message.service_id),
        ("id", message.query_id),
        ("protocolVersion", message.protocol_version),
    )
    for name, value in fields:
        if value is None or value == "":
            raise XRoadError("missing_header_field", f"The SOAP header has no {name}")


def _require_body(content: bytes, name: str) -> None:
    found = scan(content)
    if found.body_names != [name] or found.bodies != 1 or len(found.headers) != 1:
        raise XRoadError(
            "inconsistent_headers",
            f"The Body must have one element {name[:255]!r}, got {found.body_names}",
            quotes=str(found.body_names),
        )


def _header(message: SoapMessage) -> str:
    token, party = message.security_token, message.represented_party
    parts = [
        _identifier("client", message.client_id),
        _identifier("service", message.service_id),
    ]
    if message.security_server:
        parts.append(_identifier("securityServer", message.security_server))
    if message.user_id is not None:
        parts.append(_field("xroad:userId", message.user_id))
    if party:
        codes = (
            ""
            if party.party_class is None
            else _field("repr:partyClass", party.party_class)
        )
        codes += _field("repr:partyCode", party.party_code)
        parts.append(f"<repr:representedParty>{codes}</repr:representedParty>")
    if message.issue is not None:
        parts.append(_field("xroad:issue", message.issue))
    parts.append(_field("xroad:id", message.query_id))
    if message.request_hash is not None:
        algorithm = f' algorithmId="{REQUEST_HASH_ALGORITHM.uri}"'
        parts.append(_field("xroad:requestHash", message.request_hash, algorithm))
    parts.append(_field("xroad:protocolVersion", message.protocol_version))
    if token:
        kind = f' tokenType="{_text(token.token_type)}"' if token.token_type else ""
        parts.append(_field("token:securityToken", token.value, kind))
    return "".join(parts)


def _identifier(name: str, identifier: XRoadId) -> str:
    codes = "".join([_field(f"id:{n}", value) for n, value in codes_of(identifier)])
    kind = identifier.object_type.value
    return f'<xroad:{name} id:objectType="{kind}">{codes}</xroad:{name}>'


def _field(name: str, value: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{_text(value)}</{name}>"


def _text(value: str) -> str:
    if _NOT_XML.search(value):
        raise XRoadError(
            "invalid_soap", "A value has a character that XML cannot carry"
        )
    return value.translate(_ESCAPED)
