"""Building signatures from bytes that are canonical before they are written.

Inclusive C14N 1.0 of SignedInfo and SignedProperties is a matter of construction: the
bytes between start and end tag are written in canonical form (attributes in order,
no empty-element tags, no line breaks, text escaped), and the canonical start tag
differs from the written one only in the namespaces that the element inherits.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.xroad.algorithms import Digest, SignatureAlgorithm, ecdsa_der_to_raw
from kerege.xroad.faults import XRoadError
from kerege.xroad.signature._names import rfc2253_name

_NAMESPACES = (
    b' xmlns:asic="http://uri.etsi.org/02918/v1.2.1#"'
    b' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
    b' xmlns:xades="http://uri.etsi.org/01903/v1.3.2#"'
    b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
"""In the order of canonical form. Declared at the root, so inherited by everything."""

_SIGNED_INFO = b"<ds:SignedInfo>"
_SIGNED_PROPERTIES = b'<xades:SignedProperties Id="signed-properties">'
_CANONICAL_SIGNED_INFO = b"<ds:SignedInfo" + _NAMESPACES + b">"
_CANONICAL_SIGNED_PROPERTIES = (
    b"<xades:SignedProperties" + _NAMESPACES + b' Id="signed-properties">'
)
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters outside the production Char of XML 1.0."""
_LINE = 76
"""Longer signature values stand between line feeds (`SignatureXmlBuilder.java`)."""

_POLICY = (
    b"<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId>"
    b'<xades:Identifier Qualifier="OIDAsURN">urn:oid:1.3.6.1.4.1.3516.16.2'
    b"</xades:Identifier><xades:Description>Profile for High Performance Digital "
    b"Signatures (version 1.2)</xades:Description></xades:SigPolicyId>"
    b'<xades:SigPolicyHash><ds:DigestMethod Algorithm="'
    b'http://www.w3.org/2001/04/xmlenc#sha512"></ds:DigestMethod><ds:DigestValue>'
    b"BuO0EDNfkxSVlUbxCzmQPzX1AUF1/xx9ytWHk3/6SAOePxQiniEfDYk+90QeYb3lWpV3Izhuz9fKa"
    b"YyE+lTcXw==</ds:DigestValue></xades:SigPolicyHash><xades:SigPolicyQualifiers>"
    b"<xades:SigPolicyQualifier><xades:SPURI>"
    b"https://repo.cyber.ee/dsig-profile-1.2.pdf"
    b"</xades:SPURI></xades:SigPolicyQualifier></xades:SigPolicyQualifiers>"
    b"</xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>"
)
"""The signature policy of the profile; its digest is that of the published document."""


@dataclass(frozen=True, slots=True)
class PreparedSignature:
    """A signature that only waits for its value."""

    to_be_signed: bytes
    """Canonical SignedInfo: what the key signs."""
    _head: bytes
    _tail: bytes
    _curve_key: ec.EllipticCurvePublicKey | None

    def finish(self, value: bytes) -> bytes:
        """Put the signature value in and return the XML document.

        Args:
            value: What the signer returned; an ECDSA value in ASN.1 DER.
        """
        if self._curve_key:
            value = ecdsa_der_to_raw(value, self._curve_key)
        text = base64.b64encode(value)
        if len(text) > _LINE:
            text = b"\n" + text + b"\n"
        return self._head + text + self._tail


class SignatureTemplate:
    """Everything of a signature that stays the same from message to message.

    Make one for each signing certificate, and a new one whenever the OCSP responses
    change.
    """

    def __init__(
        self,
        certificate: x509.Certificate,
        algorithm: SignatureAlgorithm,
        *,
        chain: Sequence[x509.Certificate] = (),
        ocsp_responses: Sequence[bytes],
    ) -> None:
        """Prepare the constant bytes.

        Args:
            certificate: The signing certificate.
            algorithm: How its key signs.
            chain: Intermediate CA certificates, nearest to the certificate first.
            ocsp_responses: DER; the signing certificate's first, then one for each
                of ``chain``.

        Raises:
            XRoadError: ``cannot_create_signature`` without OCSP responses: no peer
                would accept the signature.
        """
        if not ocsp_responses:
            raise XRoadError(
                "cannot_create_signature",
                "There is no OCSP response for the signing certificate",
                advice="Check that the OCSP responder of the CA can be reached.",
            )
        self.certificate = certificate
        self.algorithm = algorithm
        self.digest = algorithm.digest
        public_key = certificate.public_key()
        self._curve_key = (
            public_key if isinstance(public_key, ec.EllipticCurvePublicKey) else None
        )
        self._before_uri = _before_uri(algorithm)
        self._after_uri = b'">' + _digest_method(self.digest) + b"<ds:DigestValue>"
        self._between_digests = _between_digests(self.digest)
        self._before_time = b"<xades:SignedSignatureProperties><xades:SigningTime>"
        self._after_time = _after_time(certificate, self.digest)
        self._before_properties = _before_properties(certificate)
        self._after_properties = _after_properties(chain, ocsp_responses, self.digest)

    def prepare(
        self, uri: str, mime_type: str, digest: bytes, signing_time: datetime
    ) -> PreparedSignature:
        """Return the signature over one document, without its value.

        Args:
            uri: ``/message.xml`` or ``/sig-hashchainresult.xml``.
            mime_type: Of the document, as the profile names it.
            digest: Of the document, with the template's digest algorithm.
            signing_time: The time that the signer claims.
        """
        properties = b"".join(
            (
                self._before_time,
                written_time(signing_time),
                self._after_time,
                mime_type.encode(),
                _PROPERTIES_END,
            )
        )
        properties_digest = self.digest.of(_CANONICAL_SIGNED_PROPERTIES + properties)
        signed_info = b"".join(
            (
                self._before_uri,
                uri.encode(),
                self._after_uri,
                base64.b64encode(digest),
                self._between_digests,
                base64.b64encode(properties_digest),
                _SIGNED_INFO_END,
            )
        )
        head = b"".join((_HEAD, signed_info, _BEFORE_VALUE))
        tail = b"".join(
            (
                self._before_properties,
                properties,
                self._after_properties,
            )
        )
        to_be_signed = _CANONICAL_SIGNED_INFO + signed_info
        return PreparedSignature(to_be_signed, head, tail, self._curve_key)


_HEAD = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="no"?><asic:XAdESSignatures'
    + _NAMESPACES
    + b'><ds:Signature Id="signature">'
    + _SIGNED_INFO
)
_SIGNED_INFO_END = b"</ds:DigestValue></ds:Reference></ds:SignedInfo>"
_BEFORE_VALUE = b'<ds:SignatureValue Id="signature-value">'
_PROPERTIES_END = (
    b"</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjectProperties>"
    b"</xades:SignedProperties>"
)


def _digest_method(digest: Digest) -> bytes:
    return f'<ds:DigestMethod Algorithm="{digest.uri}"></ds:DigestMethod>'.encode()


def _before_uri(algorithm: SignatureAlgorithm) -> bytes:
    return (
        b'<ds:CanonicalizationMethod Algorithm="'
        b'http://www.w3.org/TR/2001/REC-xml-c14n-20010315">'
        b"</ds:CanonicalizationMethod>"
        b'<ds:SignatureMethod Algorithm="'
        + algorithm.uri.encode()
        + b'"></ds:SignatureMethod><ds:Reference Id="signature-reference-0" URI="'
    )


def _between_digests(digest: Digest) -> bytes:
    return (
        b'</ds:DigestValue></ds:Reference><ds:Reference Id="signature-reference-1"'
        b' Type="http://uri.etsi.org/01903#SignedProperties" URI="#signed-properties">'
        + _digest_method(digest)
        + b"<ds:DigestValue>"
    )


def _after_time(certificate: x509.Certificate, digest: Digest) -> bytes:
    return (
        b"</xades:SigningTime><xades:SigningCertificate><xades:Cert>"
        + _certificate_reference(certificate, digest)
        + b"</xades:Cert></xades:SigningCertificate>"
        + _POLICY
        + b"</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
        b'<xades:DataObjectFormat ObjectReference="#signature-reference-0">'
        b"<xades:MimeType>"
    )


def _before_properties(certificate: x509.Certificate) -> bytes:
    return (
        b"</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        + _base64_der(certificate)
        + b"</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object>"
        b'<xades:QualifyingProperties Target="#signature">' + _SIGNED_PROPERTIES
    )


def _after_properties(
    chain: Sequence[x509.Certificate], ocsp_responses: Sequence[bytes], digest: Digest
) -> bytes:
    values = b"".join(
        b'<xades:EncapsulatedOCSPValue Id="ocsp-response-%d">%b'
        b"</xades:EncapsulatedOCSPValue>" % (number, base64.b64encode(response))
        for number, response in enumerate(ocsp_responses, 1)
    )
    return (
        b"<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
        + (_chain_properties(chain, digest) if chain else b"")
        + b"<xades:RevocationValues><xades:OCSPValues>"
        + values
        + b"</xades:OCSPValues></xades:RevocationValues>"
        b"</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
        b"</xades:QualifyingProperties></ds:Object></ds:Signature>"
        b"</asic:XAdESSignatures>"
    )


def _chain_properties(chain: Sequence[x509.Certificate], digest: Digest) -> bytes:
    references = b"".join(
        b'<xades:Cert URI="#encapsulated-cert-%d">%b</xades:Cert>'
        % (number, _certificate_reference(certificate, digest))
        for number, certificate in enumerate(chain, 1)
    )
    values = b"".join(
        b'<xades:EncapsulatedX509Certificate Id="encapsulated-cert-%d">%b'
        b"</xades:EncapsulatedX509Certificate>" % (number, _base64_der(certificate))
        for number, certificate in enumerate(chain, 1)
    )
    return (
        b'<xades:CompleteCertificateRefs Id="complete-certificate-refs">'
        b"<xades:CertRefs>"
        + references
        + b"</xades:CertRefs></xades:CompleteCertificateRefs><xades:CertificateValues>"
        + values
        + b"</xades:CertificateValues>"
    )


def _certificate_reference(certificate: x509.Certificate, digest: Digest) -> bytes:
    """Return CertDigest and IssuerSerial, in canonical form."""
    value = base64.b64encode(digest.of(certificate.public_bytes(Encoding.DER)))
    issuer = _canonical_text(rfc2253_name(certificate.issuer))
    return (
        b"<xades:CertDigest>"
        + _digest_method(digest)
        + b"<ds:DigestValue>"
        + value
        + b"</ds:DigestValue></xades:CertDigest><xades:IssuerSerial><ds:X509IssuerName>"
        + issuer
        + b"</ds:X509IssuerName><ds:X509SerialNumber>%d</ds:X509SerialNumber>"
        b"</xades:IssuerSerial>" % certificate.serial_number
    )


def _base64_der(certificate: x509.Certificate) -> bytes:
    return base64.b64encode(certificate.public_bytes(Encoding.DER))


def _canonical_text(text: str) -> bytes:
    """Escape text as C14N 1.0 does (section 2.3, text nodes).

    Characters that no XML document can carry are replaced.
    """
    text = _NO_XML.sub("\ufffd", text)
    for character, escaped in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("\r", "&#xD;"),
    ):
        text = text.replace(character, escaped)
    return text.encode()


def written_time(moment: datetime) -> bytes:
    """Return ``xsd:dateTime`` in UTC with milliseconds, as the reference writes it."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[:23].encode() + b"Z"
