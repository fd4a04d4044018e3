"""Subjects of the sandbox's certificates, all with its mark. NOT FOR PRODUCTION.

What a certificate profile puts where is in `kerege.xroad.certificates`. Here the mark
goes in: as organisation name where the profile has one to choose, else as an extra OU.
"""

import re

from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID, ObjectIdentifier

from kerege.trust import NOT_FOR_PRODUCTION
from kerege.xroad import certificates
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.x509 import quiet

_PACKAGE = "ee.ria.xroad.common.certificateprofile.impl."
FIVRK_PROFILE = _PACKAGE + "FiVRKCertificateProfileInfoProvider"
EJBCA_PROFILE = _PACKAGE + "EjbcaCertificateProfileInfoProvider"
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
PROFILES = (FIVRK_PROFILE, EJBCA_PROFILE)


def authentication_subject(
    profile: str, server: SecurityServerId, *, host: str
) -> x509.Name:
    """Return the subject of a security server's authentication certificate.

    Raises ``validation_error`` for a profile that is not one of `PROFILES`.
    """
    return _marked(
        certificates.authentication_subject(
            profile, server, organization=NOT_FOR_PRODUCTION, host=host
        )
    )


def signing_subject(
    profile: str, member: ClientId, server: SecurityServerId
) -> x509.Name:
    """Return the subject of a member's signing certificate on ``server``.

    Raises ``validation_error`` for a profile that is not one of `PROFILES`.
    """
    return _marked(
        certificates.signing_subject(
            profile, member, server, organization=NOT_FOR_PRODUCTION
        )
    )


def service_subject(instance: str, what: str) -> x509.Name:
    """Return the subject of the sandbox's own CA, OCSP responder or TSA."""
    return _name(
        (NameOID.ORGANIZATION_NAME, NOT_FOR_PRODUCTION),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, instance),
        (NameOID.COMMON_NAME, what),
    )


def tls_subject(host: str) -> x509.Name:
    """Return the subject of a certificate for a TLS server inside an organisation."""
    return _name(
        (NameOID.ORGANIZATION_NAME, NOT_FOR_PRODUCTION),
        (NameOID.COMMON_NAME, host),
    )


def _marked(subject: x509.Name) -> x509.Name:
    attributes = [(attribute.oid, str(attribute.value)) for attribute in subject]
    if NOT_FOR_PRODUCTION not in (value for _, value in attributes):
        attributes.insert(-1, (NameOID.ORGANIZATIONAL_UNIT_NAME, NOT_FOR_PRODUCTION))
    return _name(*attributes)


def _name(*attributes: tuple[ObjectIdentifier, str]) -> x509.Name:
    """Return a name, without the length limits of RFC 5280.

    EJBCA's profile has the instance in the country attribute; codes may have letters
    that PrintableString lacks. Both occur, so both must be issuable.
    """
    with quiet():
        return x509.Name(
            [
                x509.NameAttribute(oid, value, _string_type(value), _validate=False)
                for oid, value in attributes
            ]
        )


def _string_type(value: str) -> _ASN1Type | None:
    """Return UTF-8 where the attribute's usual type may lack a letter, else None."""
    return None if _PRINTABLE.fullmatch(value) else _ASN1Type.UTF8String
