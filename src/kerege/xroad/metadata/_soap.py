"""listMethods, allowedMethods and getWsdl in SOAP: what stands in the Body, and around it.

Source: PR-META sections 3 and 4, `service-metainfo.xsd`, `WsdlRequestData.java`,
`MultipartSoapMessageEncoder.java`.
"""

from collections.abc import Iterable

from lxml import etree

from kerege.xroad import xml
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifier_xml import IDENTIFIERS_NAMESPACE, write_identifier
from kerege.xroad.identifiers import ServiceId
from kerege.xroad.soap import ENVELOPE_NAMESPACE, XROAD_NAMESPACE, answer_to

SOAP_MEDIA_TYPE = "text/xml; charset=UTF-8"
MAX_CODE_CHARACTERS = 255
"""Longest service code or version, as in the reference's database."""

_XROAD = f"{{{XROAD_NAMESPACE}}}"
_BODY = f"{{{ENVELOPE_NAMESPACE}}}Body"
_PREFIXES: dict[str | None, str] = {
    "xroad": XROAD_NAMESPACE,
    "id": IDENTIFIERS_NAMESPACE,
}


def soap_methods(request: bytes, code: str, services: Iterable[ServiceId]) -> bytes:
    """Return the answer to a request for services.

    Args:
        request: The envelope, which has been read.
        code: ``listMethods`` or ``allowedMethods``.
        services: What is listed.
    """
    answer = etree.Element(f"{_XROAD}{code}Response", nsmap=_PREFIXES)
    for service in services:
        write_identifier(etree.SubElement(answer, f"{_XROAD}service"), service)
    return answer_to(request, etree.tostring(answer))


def wanted_wsdl(request: bytes) -> tuple[str, str | None]:
    """Return code and version of the service whose WSDL a getWsdl request asks for.

    Raises ``invalid_request`` without a code.
    """
    asked = _asked(request)
    code, version = (
        (asked.findtext(f"{_XROAD}{name}") or "").strip()[:MAX_CODE_CHARACTERS]
        for name in ("serviceCode", "serviceVersion")
    )
    if not code:
        raise XRoadError("invalid_request", "Missing serviceCode in message body")
    return code, version or None


def soap_with_wsdl(
    request: bytes, wsdl: bytes, *, boundary: str, content_id: str
) -> tuple[str, bytes]:
    """Return Content-Type and content of the answer to getWsdl.

    Args:
        request: The envelope, which has been read.
        wsdl: The attachment.
        boundary: Unpredictable, so that the WSDL cannot have it.
        content_id: Of the attachment, a fresh UUID.
    """
    asked = _asked(request)
    name = etree.QName(asked)
    asked.tag = etree.QName(name.namespace, f"{name.localname}Response").text
    asked.tail = None
    envelope = answer_to(request, etree.tostring(asked))
    mark = f"--{boundary}\r\n".encode()
    content = b"".join(
        (
            mark,
            f"content-type: {SOAP_MEDIA_TYPE}\r\n\r\n".encode(),
            envelope,
            b"\r\n",
            mark,
            b"content-type: text/xml\r\n",
            b"Content-Transfer-Encoding: binary\r\n",
            f"Content-ID: <wsdl={content_id}@x-road.eu>\r\n\r\n".encode(),
            wsdl,
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    media_type = (
        f'multipart/related; type="text/xml"; charset=UTF-8; boundary={boundary}'
    )
    return media_type, content


def _asked(request: bytes) -> etree._Element:
    root = xml.parse(request, code="invalid_soap", what="The SOAP message")
    body = root.find(_BODY)
    asked = None if body is None else next(body.iterchildren(tag=etree.Element), None)
    if asked is None:
        raise XRoadError("invalid_request", "The request's Body is empty")
    return asked
