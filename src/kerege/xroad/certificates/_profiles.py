"""Certificate profiles: how a signing certificate's subject names the member.

Rules (``certificateProfileInfo`` of an approved CA is the name of one of the Java
classes in `ee.ria.xroad.common.certificateprofile.impl`, each with its own decoder):

| profile  | instance, member class, member code |
|----------|-------------------------------------|
| Ejbca    | C, O, CN |
| FiVRK    | serialNumber ``instance/server code/class`` and CN, with C=FI and O; without |
|          | serialNumber O, OU, CN with C=FI; without OU as Ejbca |
| Fo       | O, OU, CN, with C=FO and a serialNumber |
| Is       | O, OU, CN, with C=IS and a serialNumber; without both OU and serialNumber as |
|          | Ejbca |
| Basic    | own instance, businessCategory, serialNumber (BasicACME too) |
| SkKlass3 | own instance; organizationIdentifier NTREE- COM, GO:EE- GOV, NP:EE- NGO, |
|          | others NEE with the whole value; without it an 8-digit serialNumber, whose |
|          | first digit says COM (1-6), GOV (7) or NGO (8, 9) |
| SkEsteId | own instance, PERSON, serialNumber |

"Own instance" is the one of the member that the caller expects. Of several attributes
of one kind the last in the certificate counts: it is the first in the text form of
RFC 2253, which the reference reads. Beyond the reference: a code that is empty or too long is
refused, and so is a signing certificate of an authentication-only CA.
"""

from collections.abc import Mapping
from types import MappingProxyType

from cryptography import x509
from cryptography.x509.oid import NameOID

from kerege.xroad.certificates._trust import ApprovedCA, MemberProfile, Trust
from kerege.xroad.certificates._usage import require_signing_certificate
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import issuer_text, name_keys, subject_text, verify_issued

MAX_CODE_CHARACTERS = 255
"""Longest code; the reference's database columns hold as many."""
_SK_SERIAL_DIGITS = 8
_SK_PREFIXES = {"NTREE-": "COM", "GO:EE-": "GOV", "NP:EE-": "NGO"}
_SK_FIRST_DIGITS = dict.fromkeys("123456", "COM") | {"7": "GOV", "8": "NGO", "9": "NGO"}


def member_of(
    certificate: x509.Certificate, trust: Trust, *, instance: str
) -> ClientId:
    """Return the member that a signing certificate belongs to.

    The certificate's chain is not verified here; ask a `ChainVerifier` as well.

    Args:
        certificate: A signing certificate.
        trust: The approved CAs of the member's instance.
        instance: The instance of the expected member, for profiles that do not say.

    Raises:
        XRoadError: ``malformed_signature`` or ``internal_error`` if it is not a signing
            certificate, ``internal_error`` if its issuer is not approved or the profile
            unknown, ``incorrect_certificate`` or ``invalid_certificate`` if the subject
            does not fit the profile.
    """
    require_signing_certificate(certificate)
    authority = _authority_of(certificate, trust)
    if authority.authentication_only:
        raise XRoadError(
            "incorrect_certificate",
            f"Certificate {subject_text(certificate)} was issued by {authority.name}, "
            "which may only issue authentication certificates",
        )
    return member_of_subject(
        certificate.subject,
        authority.profile,
        instance=instance,
        profiles=trust.profiles,
    )


def member_of_subject(
    subject: x509.Name,
    profile: str,
    *,
    instance: str,
    profiles: Mapping[str, MemberProfile] = MappingProxyType({}),
) -> ClientId:
    """Return the member that a subject names under a profile.

    Args:
        subject: The subject of a signing certificate.
        profile: The Java class name, with or without its package.
        instance: The instance of the expected member, for profiles that do not say.
        profiles: Further profiles, by class name without package.

    Raises:
        XRoadError: ``internal_error`` for an unknown profile, ``incorrect_certificate``
            or ``invalid_certificate`` (as the reference's class has it) for a subject
            that does not fit.
    """
    class_name = profile.rpartition(".")[2]
    decoder = profiles.get(class_name) or _DECODERS.get(class_name)
    if decoder is None:
        raise XRoadError(
            "internal_error",
            f"Unknown certificate profile {profile[:MAX_CODE_CHARACTERS]!r}",
            advice="The central server's configuration names a profile that only "
            "exists there; ask its administrator for a standard one.",
        )
    member = decoder(subject, instance)
    for code in member.codes:
        if not 0 < len(code) <= MAX_CODE_CHARACTERS:
            raise XRoadError(
                "incorrect_certificate",
                f"Certificate subject {subject.rfc4514_string()} has an empty or too "
                "long member code, class or instance",
            )
    return member


def _authority_of(certificate: x509.Certificate, trust: Trust) -> ApprovedCA:
    """Return the approved CA that issued, by name; by key too if names collide."""
    candidates = trust.named(name_keys(certificate)[1])
    if len({id(authority) for authority, _ in candidates}) > 1:
        candidates = tuple(c for c in candidates if _issued(certificate, c[1], trust))
    if not candidates:
        raise XRoadError(
            "internal_error",
            f"Certificate {subject_text(certificate)} is not issued by an approved "
            f"certification service: its issuer is {issuer_text(certificate)}",
        )
    return candidates[0][0]


def _issued(
    certificate: x509.Certificate, issuer: x509.Certificate, trust: Trust
) -> bool:
    try:
        verify_issued(certificate, issuer, policy=trust.algorithms)
    except XRoadError:
        return False
    return True


def _get(subject: x509.Name, kind: x509.ObjectIdentifier) -> str | None:
    """Return the attribute of this kind, or None; of several the last encoded one."""
    attributes = subject.get_attributes_for_oid(kind)
    value = attributes[-1].value if attributes else None
    return value if isinstance(value, str) else None


def _require(
    subject: x509.Name,
    kind: x509.ObjectIdentifier,
    what: str,
    code: str = "incorrect_certificate",
) -> str:
    value = _get(subject, kind)
    if value is None:
        raise XRoadError(
            code,
            f"Certificate subject {subject.rfc4514_string()} does not contain {what}",
        )
    return value


def _require_country(subject: x509.Name, country: str) -> None:
    if _get(subject, NameOID.COUNTRY_NAME) != country:
        raise XRoadError(
            "incorrect_certificate",
            f"Certificate subject {subject.rfc4514_string()} does not contain the "
            f"country code {country}",
        )


def _ejbca(subject: x509.Name, _instance: str) -> ClientId:
    return ClientId(
        _require(subject, NameOID.COUNTRY_NAME, "country code"),
        _require(subject, NameOID.ORGANIZATION_NAME, "organization"),
        _require(subject, NameOID.COMMON_NAME, "common name"),
    )


def _fivrk(subject: x509.Name, instance: str) -> ClientId:
    serial = _get(subject, NameOID.SERIAL_NUMBER)
    if serial is None:
        if _get(subject, NameOID.ORGANIZATIONAL_UNIT_NAME) is None:
            return _ejbca(subject, instance)
        return _organisational(subject, "FI")
    _require_country(subject, "FI")
    _require(subject, NameOID.ORGANIZATION_NAME, "organization")
    member_code = _require(subject, NameOID.COMMON_NAME, "common name")
    parts = serial.rstrip("/").split("/")
    if len(parts) != 3:
        raise XRoadError(
            "incorrect_certificate",
            f"Certificate subject {subject.rfc4514_string()} has a serialNumber "
            "that is not of the form instance/server code/member class",
        )
    return ClientId(parts[0], parts[2], member_code)


def _fo(subject: x509.Name, _instance: str) -> ClientId:
    member = _organisational(subject, "FO")
    _require(subject, NameOID.SERIAL_NUMBER, "serial number")
    return member


def _is(subject: x509.Name, instance: str) -> ClientId:
    has_serial = _get(subject, NameOID.SERIAL_NUMBER) is not None
    has_unit = _get(subject, NameOID.ORGANIZATIONAL_UNIT_NAME) is not None
    if not has_serial and not has_unit:
        return _ejbca(subject, instance)
    member = _organisational(subject, "IS")
    _require(subject, NameOID.SERIAL_NUMBER, "serial number")
    return member


def _organisational(subject: x509.Name, country: str) -> ClientId:
    _require_country(subject, country)
    return ClientId(
        _require(subject, NameOID.ORGANIZATION_NAME, "organization"),
        _require(subject, NameOID.ORGANIZATIONAL_UNIT_NAME, "organization unit"),
        _require(subject, NameOID.COMMON_NAME, "common name"),
    )


def _basic(subject: x509.Name, instance: str) -> ClientId:
    return _basic_or_refuse(subject, instance, "incorrect_certificate")


def _basic_acme(subject: x509.Name, instance: str) -> ClientId:
    return _basic_or_refuse(subject, instance, "invalid_certificate")


def _basic_or_refuse(subject: x509.Name, instance: str, code: str) -> ClientId:
    return ClientId(
        instance,
        _require(subject, NameOID.BUSINESS_CATEGORY, "business category", code),
        _require(subject, NameOID.SERIAL_NUMBER, "serial number", code),
    )


def _sk_klass3(subject: x509.Name, instance: str) -> ClientId:
    organisation = _get(subject, NameOID.ORGANIZATION_IDENTIFIER)
    if organisation:
        for prefix, member_class in _SK_PREFIXES.items():
            if organisation.startswith(prefix):
                code = organisation.removeprefix(prefix)
                return ClientId(instance, member_class, code)
        return ClientId(instance, "NEE", organisation)
    serial = _require(
        subject, NameOID.SERIAL_NUMBER, "serial number", "invalid_certificate"
    )
    if not (serial.isascii() and serial.isdigit()) or len(serial) != _SK_SERIAL_DIGITS:
        raise XRoadError(
            "invalid_certificate",
            f"Certificate subject {subject.rfc4514_string()} has a serialNumber "
            f"that is not {_SK_SERIAL_DIGITS} digits",
        )
    if serial[0] not in _SK_FIRST_DIGITS:
        raise XRoadError("internal_error", f"Malformed serial number {serial}")
    return ClientId(instance, _SK_FIRST_DIGITS[serial[0]], serial)


def _sk_esteid(subject: x509.Name, instance: str) -> ClientId:
    code = _require(
        subject, NameOID.SERIAL_NUMBER, "serial number", "invalid_certificate"
    )
    return ClientId(instance, "PERSON", code)


_DECODERS: Mapping[str, MemberProfile] = {
    "EjbcaCertificateProfileInfoProvider": _ejbca,
    "FiVRKCertificateProfileInfoProvider": _fivrk,
    "FoCertificateProfileInfoProvider": _fo,
    "IsCertificateProfileInfoProvider": _is,
    "BasicCertificateProfileInfoProvider": _basic,
    "BasicACMECertificateProfileInfoProvider": _basic_acme,
    "SkKlass3CertificateProfileInfoProvider": _sk_klass3,
    "SkEsteIdCertificateProfileInfoProvider": _sk_esteid,
}
