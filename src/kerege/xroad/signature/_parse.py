"""Reading a signature document into a value."""

import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hmac import compare_digest
from typing import NamedTuple

from cryptography import x509
from lxml import etree

from kerege.xroad.algorithms import (
    Digest,
    SignatureAlgorithm,
    digest_by_uri,
    signature_by_uri,
)
from kerege.xroad.certificates import load_certificate
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature._structure import (
    DS,
    MALFORMED,
    XADES,
    Structure,
    descend,
    find_signature,
    local_name,
    only_child,
    optional_child,
)

MAX_REFERENCES = 1024
"""References of one signature: a message and its attachments, one each."""
MAX_CERTIFICATES = 16
"""Certificates, and OCSP responses, of one signature: levels of a CA hierarchy."""
MIN_REMEMBERED = 800
MAX_REMEMBERED = 8192
"""Characters of texts worth remembering: certificates and OCSP responses, which come
again with every message of a member; signature values are shorter and never do."""
REMEMBERED_TEXTS = 512
"""Such texts with their bytes: 8 MB at the very most."""

_INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SIGNED_PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"


class Reference(NamedTuple):
    """One Reference of SignedInfo."""

    uri: str
    digest: Digest
    value: bytes


class ParsedSignature(NamedTuple):
    """A signature that was read, not yet believed."""

    documents: Mapping[str, Reference]
    """References to documents outside the signature, by URI."""
    algorithm: SignatureAlgorithm
    signature_value: bytes
    """As in the document: an ECDSA value is r||s. A time-stamp covers these bytes."""
    signed_info: bytes
    """Canonical form: what the value signs."""
    properties: bytes
    """Canonical form of SignedProperties."""
    properties_reference: Reference
    """The Reference to SignedProperties."""
    certificate: x509.Certificate
    """The signing certificate."""
    certificates: tuple[x509.Certificate, ...]
    """Other certificates that the signature brings along, digests checked."""
    ocsp_values: tuple[bytes, ...]
    """OCSP responses, DER."""
    timestamp: bytes | None
    """The time-stamp token over the signature value, DER, if there is one."""
    signing_time: datetime
    """What the signer claims."""


def parse_signature(data: bytes, *, check_schema: bool = True) -> ParsedSignature:
    """Read a signature document; nothing is verified but what the document says of itself.

    Args:
        data: The document, from whomever.
        check_schema: Whether it must follow the grammar of messages; containers may
            hold older forms.

    Raises:
        XRoadError: ``invalid_xml``, ``malformed_signature``, ``incorrect_certificate``
            or ``unsupported_algorithm``.
    """
    structure = find_signature(data, check_schema=check_schema)
    _require_own_target(structure)
    method, algorithm = _methods(structure.signed_info)
    signed = only_child(
        structure.signed_properties, XADES + "SignedSignatureProperties"
    )
    certificate = _signing_certificate(structure.key_info, signed)
    documents, properties_reference, properties_method = _references(structure)
    unsigned = _unsigned(structure.qualifying)
    return ParsedSignature(
        documents=documents,
        algorithm=algorithm,
        signature_value=decoded(structure.value),
        signed_info=_canonical(structure.signed_info, method),
        properties=_canonical(structure.signed_properties, properties_method),
        properties_reference=properties_reference,
        certificate=certificate,
        certificates=_extra_certificates(unsigned),
        ocsp_values=_ocsp_values(unsigned),
        timestamp=_timestamp(unsigned),
        signing_time=_signing_time(signed),
    )


def decoded(element: etree._Element) -> bytes:
    """Return the base64 text of an element as bytes. Raises ``malformed_signature``.

    Only the canonical encoding is read, down to the unused bits of the last character:
    else the same value could be written in several ways.
    """
    text = element.text or ""
    repeats = MIN_REMEMBERED < len(text) <= MAX_REMEMBERED
    value = _remembered_base64(text) if repeats else _base64(text)
    if len(element) or not value:
        raise XRoadError(MALFORMED, f"{local_name(element)} is not base64")
    return value


def _base64(text: str) -> bytes:
    """Return the bytes; none if the text is not base64 in canonical form."""
    if not text.isascii():  # other white space would be dropped below
        return b""
    text = "".join(text.split())
    try:
        value = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return b""
    last = value[(len(value) - 1) // 3 * 3 :]
    written = binascii.b2a_base64(last, newline=False).decode()
    return value if written == text[-4:] else b""


_remembered_base64 = lru_cache(maxsize=REMEMBERED_TEXTS)(_base64)


def _require_own_target(structure: Structure) -> None:
    """ETSI TS 101 903 6.2.1: Target refers to the signature the properties are in.

    Else properties of another signature could be shown with this one.
    """
    own_id = structure.signature.get("Id")
    if not own_id or structure.qualifying.get("Target") != f"#{own_id}":
        raise XRoadError(MALFORMED, "QualifyingProperties belong to another signature")


def _methods(signed_info: etree._Element) -> tuple[str, SignatureAlgorithm]:
    """XML Signature 4.4.1 and 4.4.2; HMAC would let everybody sign."""
    method = only_child(signed_info, DS + "CanonicalizationMethod")
    algorithm = only_child(signed_info, DS + "SignatureMethod")
    if len(algorithm):
        raise XRoadError(MALFORMED, "SignatureMethod has parameters")
    return _canonicalization(method), signature_by_uri(algorithm.get("Algorithm", ""))


def _canonicalization(element: etree._Element) -> str:
    uri = element.get("Algorithm", "")
    if uri not in (_INCLUSIVE, _EXCLUSIVE):
        raise XRoadError(
            "unsupported_algorithm",
            f"The canonicalization or transform {uri[:255]!r} is not allowed",
        )
    if len(element):
        raise XRoadError(MALFORMED, f"{local_name(element)} has parameters")
    return uri


def _canonical(element: etree._Element, method: str) -> bytes:
    try:
        return etree.tostring(
            element,
            method="c14n",
            exclusive=method == _EXCLUSIVE,
            with_comments=False,
        )
    except (etree.LxmlError, ValueError) as error:
        raise XRoadError(
            MALFORMED, f"{local_name(element)} has no canonical form: {error}"
        ) from error


def _references(
    structure: Structure,
) -> tuple[dict[str, Reference], Reference, str]:
    """Read the References: one to SignedProperties, all others to documents.

    A reference into the signature may only mean the SignedProperties that are read
    here (wrapping); transforms may only canonicalize (XSLT and XPath could pick what
    is signed); a document is referred to once.
    """
    own = f"#{structure.signed_properties.get('Id', '')}"
    documents: dict[str, Reference] = {}
    properties: tuple[Reference, str] | None = None
    elements = list(structure.signed_info.iterchildren(DS + "Reference"))
    if len(elements) > MAX_REFERENCES:
        raise XRoadError(MALFORMED, f"More than {MAX_REFERENCES} references")
    for element in elements:
        reference, transforms = _reference(element)
        typed = element.get("Type") == _SIGNED_PROPERTIES_TYPE
        if typed and reference.uri == own and own != "#" and properties is None:
            properties = reference, transforms or _INCLUSIVE
        elif typed or transforms or not reference.uri.startswith("/"):
            raise XRoadError(
                MALFORMED, f"Reference {reference.uri[:255]!r} is not allowed"
            )
        elif reference.uri in documents:
            raise XRoadError(MALFORMED, f"Two references to {reference.uri[:255]!r}")
        else:
            documents[reference.uri] = reference
    if properties is None:
        raise XRoadError(MALFORMED, "SignedProperties are not signed")
    return documents, *properties


def _reference(element: etree._Element) -> tuple[Reference, str]:
    """Return the reference and the URI of its only transform, or an empty text."""
    method = ""
    if len(element) > 2:
        transforms = only_child(element, DS + "Transforms")
        method = _canonicalization(only_child(transforms, DS + "Transform"))
    digest, value = _digest_and_value(element)
    return Reference(element.get("URI", ""), digest, value), method


def _digest_and_value(element: etree._Element) -> tuple[Digest, bytes]:
    """Read DigestMethod and DigestValue, which are the last two children."""
    children = list(element)[-2:]
    if [child.tag for child in children] != [DS + "DigestMethod", DS + "DigestValue"]:
        raise XRoadError(MALFORMED, f"{local_name(element)} has no digest")
    method, value = children
    digest = digest_by_uri(method.get("Algorithm", ""))
    if len(method):
        raise XRoadError(
            "unsupported_algorithm", f"{digest.name} with parameters is not accepted"
        )
    return digest, decoded(value)


def _signing_certificate(
    key_info: etree._Element, signed: etree._Element
) -> x509.Certificate:
    """ETSI TS 101 903 7.2.2: the certificate used is the one whose digest is signed.

    Else a certificate of the same key, but another name or issuer, could be swapped in.
    """
    data = only_child(key_info, DS + "X509Data")
    element = next(data.iterchildren(DS + "X509Certificate"), None)
    if element is None:
        raise XRoadError(MALFORMED, "There is no signing certificate in the signature")
    der = decoded(element)
    holder = optional_child(signed, XADES + "SigningCertificate")
    if holder is None:
        holder = only_child(signed, XADES + "SigningCertificateV2")
    _require_digest(only_child(holder, XADES + "Cert"), der)
    return load_certificate(der)


def _require_digest(cert: etree._Element, der: bytes) -> None:
    digest, value = _digest_and_value(only_child(cert, XADES + "CertDigest"))
    if not compare_digest(digest.of(der), value):
        raise XRoadError(
            MALFORMED, "A certificate does not have the digest that the signature says"
        )


def _unsigned(qualifying: etree._Element) -> etree._Element:
    unsigned = only_child(qualifying, XADES + "UnsignedProperties")
    return only_child(unsigned, XADES + "UnsignedSignatureProperties")


def _extra_certificates(unsigned: etree._Element) -> tuple[x509.Certificate, ...]:
    """Return the certificates that CompleteCertificateRefs name, from this signature."""
    references = descend(
        unsigned, XADES + "CompleteCertificateRefs", XADES + "CertRefs"
    )
    if references is None or not len(references):
        return ()
    if len(references) > MAX_CERTIFICATES:
        raise XRoadError(MALFORMED, f"More than {MAX_CERTIFICATES} certificates")
    values = optional_child(unsigned, XADES + "CertificateValues")
    by_id = {
        f"#{element.get('Id')}": element
        for element in (values if values is not None else ())
        if element.tag == XADES + "EncapsulatedX509Certificate"
    }
    return tuple(
        _extra_certificate(reference, by_id)
        for reference in references.iterchildren(XADES + "Cert")
    )


def _extra_certificate(
    reference: etree._Element, by_id: Mapping[str, etree._Element]
) -> x509.Certificate:
    uri = reference.get("URI")
    if not uri:
        raise XRoadError(MALFORMED, "A certificate reference has no URI")
    if uri not in by_id:
        raise XRoadError(MALFORMED, f"There is no certificate {uri[:255]!r}")
    der = decoded(by_id[uri])
    _require_digest(reference, der)
    return load_certificate(der)


def _ocsp_values(unsigned: etree._Element) -> tuple[bytes, ...]:
    values = descend(unsigned, XADES + "RevocationValues", XADES + "OCSPValues")
    elements = (
        []
        if values is None
        else list(values.iterchildren(XADES + "EncapsulatedOCSPValue"))
    )
    if not 0 < len(elements) <= MAX_CERTIFICATES:
        raise XRoadError(
            MALFORMED,
            f"The signature has {len(elements)} OCSP responses, 1 to "
            f"{MAX_CERTIFICATES} are expected",
        )
    return tuple(decoded(element) for element in elements)


def _timestamp(unsigned: etree._Element) -> bytes | None:
    """Return the token; early signatures had it directly in SignatureTimeStamp."""
    element = optional_child(unsigned, XADES + "SignatureTimeStamp")
    if element is None:
        return None
    encapsulated = optional_child(element, XADES + "EncapsulatedTimeStamp")
    return decoded(element if encapsulated is None else encapsulated)


def _signing_time(signed: etree._Element) -> datetime:
    text = only_child(signed, XADES + "SigningTime").text or ""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise XRoadError(MALFORMED, "SigningTime is not a date and time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
