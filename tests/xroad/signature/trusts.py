"""Trust read straight from shared parameters, and a tiny multipart splitter.

The parsers of the product have their own tests; these keep the signature's apart.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from lxml import etree

from kerege.xroad.certificates import LEGACY, STRONG, AlgorithmPolicy, ApprovedCA, Trust
from kerege.xroad.x509 import certificate_der


def trust_of(
    shared_params: bytes, *, algorithms: AlgorithmPolicy = STRONG, freshness: int = 3600
) -> Trust:
    root = etree.fromstring(shared_params)
    fresh = root.findtext(".//{*}ocspFreshnessSeconds")
    return Trust(
        instance=root.findtext("{*}instanceIdentifier") or "",
        authorities=tuple(_authority(ca) for ca in root.findall("{*}approvedCA")),
        ocsp_freshness_seconds=int(fresh) if fresh else freshness,
        algorithms=algorithms,
    )


def old_trust(shared_params: bytes) -> Trust:
    """For the oldest vectors: SHA-1 certificates."""
    return trust_of(shared_params, algorithms=LEGACY)


def _authority(ca: etree._Element) -> ApprovedCA:
    top, *intermediates = [
        (_certificate(each.findtext("{*}cert")), each)
        for each in (ca.find("{*}topCA"), *ca.findall("{*}intermediateCA"))
        if each is not None
    ]
    return ApprovedCA(
        name=ca.findtext("{*}name") or "",
        authentication_only=ca.findtext("{*}authenticationOnly") == "true",
        top=top[0],
        intermediates=tuple(certificate for certificate, _ in intermediates),
        ocsp_responders={
            certificate_der(certificate): tuple(
                _certificate(each.text) for each in element.findall("{*}ocsp/{*}cert")
            )
            for certificate, element in (top, *intermediates)
        },
        profile=ca.findtext("{*}certificateProfileInfo") or "",
    )


def _certificate(text: str | None) -> x509.Certificate:
    data = base64.b64decode(text or "")
    if data.startswith(b"-----"):
        return x509.load_pem_x509_certificate(data)
    return x509.load_der_x509_certificate(data)


@dataclass(frozen=True)
class HttpPart:
    content_type: str
    body: bytes


def parts_of(http: bytes) -> list[HttpPart]:
    """Split a recorded HTTP message whose body is a multipart; [] if it is none."""
    head, _, body = http.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        body = b"".join(_chunks(body))
    boundary = re.search(
        rb"(?im)^content-type: *multipart[^\r]*boundary=([^\r;]+)", head
    )
    return list(_split(body, boundary[1])) if boundary else []


def _split(body: bytes, boundary: bytes) -> Iterator[HttpPart]:
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert pieces[-1].startswith(b"--")
    for piece in pieces[1:-1]:
        headers, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^content-type: *([^\r]+)", headers)
        yield HttpPart(found[1].decode() if found else "", content)


def _chunks(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, body = body.partition(b"\r\n")
        yield body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]


def nested_parts(part: HttpPart) -> list[HttpPart]:
    """Return the attachments in the nested multipart of a SOAP message."""
    boundary = part.content_type.partition("boundary=")[2]
    return list(_split(part.body, boundary.strip('"').encode()))
