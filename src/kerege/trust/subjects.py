"""Subjects of certificates, by certificate profile. NOT FOR PRODUCTION.

A certificate profile says how a subject names a member or a server. Shared parameters
name it by a Java class, ``certificateProfileInfo`` of an approved CA; the same strings
are used here. Source: the classes of `ee.ria.xroad.common.certificateprofile.impl`.

Two profiles are issued: FiVRK, where the sandbox's mark fits into the organisation
name, and EJBCA, the reference's own test CA, where an extra OU carries it.
"""

import warnings

from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID, ObjectIdentifier

from kerege.trust import NOT_FOR_PRODUCTION
from kerege.xroad.identifiers import ClientId, SecurityServerId

_PACKAGE = "ee.ria.xroad.common.certificateprofile.impl."
FIVRK_PROFILE = _PACKAGE + "FiVRKCertificateProfileInfoProvider"
EJBCA_PROFILE = _PACKAGE + "EjbcaCertificateProfileInfoProvider"
PROFILES = (FIVRK_PROFILE, EJBCA_PROFILE)

_FINLAND = "FI"
"""The FiVRK profile's fixed country; a reader refuses any other."""


def authentication_subject(
    profile: str, server: SecurityServerId, *, host: str
) -> x509.Name:
    """Return the subject of a security server's authentication certificate.

    Raises `ValueError` if the sandbox does not issue by this profile.
    """
    if profile == FIVRK_PROFILE:
        return _fivrk(server, host)
    _require_ejbca(profile)
    return name(
        (NameOID.COUNTRY_NAME, server.instance),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, NOT_FOR_PRODUCTION),
        (NameOID.COMMON_NAME, server.server_code),
    )


def signing_subject(
    profile: str, member: ClientId, server: SecurityServerId
) -> x509.Name:
    """Return the subject of a member's signing certificate on ``server``.

    Raises `ValueError` if the sandbox does not issue by this profile.
    """
    if profile == FIVRK_PROFILE:
        place = SecurityServerId(
            member.instance,
            member.member_class,
            member.member_code,
            server.server_code,
        )
        return _fivrk(place, member.member_code)
    _require_ejbca(profile)
    return name(
        (NameOID.COUNTRY_NAME, member.instance),
        (NameOID.ORGANIZATION_NAME, member.member_class),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, NOT_FOR_PRODUCTION),
        (NameOID.COMMON_NAME, member.member_code),
    )


def service_subject(instance: str, what: str) -> x509.Name:
    """Return the subject of the sandbox's own CA, OCSP responder or TSA."""
    return name(
        (NameOID.ORGANIZATION_NAME, NOT_FOR_PRODUCTION),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, instance),
        (NameOID.COMMON_NAME, what),
    )


def tls_subject(host: str) -> x509.Name:
    """Return the subject of a certificate for a TLS server inside an organisation."""
    return name(
        (NameOID.ORGANIZATION_NAME, NOT_FOR_PRODUCTION),
        (NameOID.COMMON_NAME, host),
    )


def name(*attributes: tuple[ObjectIdentifier, str]) -> x509.Name:
    """Return a name of UTF-8 attributes, without the length limits of RFC 5280.

    EJBCA's profile has the instance in the country attribute, and a member code may
    be longer than a common name should be; both occur, so both must be issuable.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.Name(
            [
                x509.NameAttribute(oid, value, _ASN1Type.UTF8String, _validate=False)
                for oid, value in attributes
            ]
        )


def _fivrk(server: SecurityServerId, common_name: str) -> x509.Name:
    place = f"{server.instance}/{server.server_code}/{server.member_class}"
    return name(
        (NameOID.COUNTRY_NAME, _FINLAND),
        (NameOID.ORGANIZATION_NAME, NOT_FOR_PRODUCTION),
        (NameOID.SERIAL_NUMBER, place),
        (NameOID.COMMON_NAME, common_name),
    )


def _require_ejbca(profile: str) -> None:
    if profile != EJBCA_PROFILE:
        msg = (
            f"The sandbox CA does not issue by profile {profile!r}; "
            f"it knows {', '.join(PROFILES)}"
        )
        raise ValueError(msg)
