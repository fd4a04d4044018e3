"""Subjects for certificate requests, by certificate profile.

Rules (`EjbcaAuthCertificateProfileInfo`, `EjbcaSignCertificateProfileInfo`,
`FiVRKAuthCertificateProfileInfo`, `FiVRKSignCertificateProfileInfo`):

| profile | authentication | signing |
|---------|----------------|---------|
| Ejbca   | C=instance, CN=server code | C=instance, O=member class, CN=member code |
| FiVRK   | C=FI, O=organisation, serialNumber=instance/server code/class of the owner, |
|         | CN=DNS name | as authentication, class and CN=code of the member |

FiVRK wants a subjectAltName as well; that is an extension of the request, not a part
of the subject. Other profiles are for their countries' own tools.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.x509 import quiet

EJBCA = "EjbcaCertificateProfileInfoProvider"
FIVRK = "FiVRKCertificateProfileInfoProvider"


def authentication_subject(
    profile: str, server: SecurityServerId, *, organization: str = "", host: str = ""
) -> x509.Name:
    """Return the subject of a security server's authentication certificate.

    Args:
        profile: The Java class name, with or without its package.
        server: The server.
        organization: Name of the owner, for FiVRK.
        host: DNS name of the server, for FiVRK.

    Raises:
        XRoadError: ``validation_error`` for another profile or an empty value.
    """
    if _is_ejbca(profile):
        return _name(
            (NameOID.COUNTRY_NAME, server.instance),
            (NameOID.COMMON_NAME, server.server_code),
        )
    return _name(
        (NameOID.COUNTRY_NAME, "FI"),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.SERIAL_NUMBER, _place(server, server.member_class)),
        (NameOID.COMMON_NAME, host),
    )


def signing_subject(
    profile: str, member: ClientId, server: SecurityServerId, *, organization: str = ""
) -> x509.Name:
    """Return the subject of a member's signing certificate on ``server``.

    Args:
        profile: The Java class name, with or without its package.
        member: The member; of a subsystem its member counts.
        server: Where the key is.
        organization: Name of the member, for FiVRK.

    Raises:
        XRoadError: ``validation_error`` for another profile or an empty value.
    """
    if _is_ejbca(profile):
        return _name(
            (NameOID.COUNTRY_NAME, member.instance),
            (NameOID.ORGANIZATION_NAME, member.member_class),
            (NameOID.COMMON_NAME, member.member_code),
        )
    return _name(
        (NameOID.COUNTRY_NAME, "FI"),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.SERIAL_NUMBER, _place(server, member.member_class)),
        (NameOID.COMMON_NAME, member.member_code),
    )


def _place(server: SecurityServerId, member_class: str) -> str:
    return f"{server.instance}/{server.server_code}/{member_class}"


def _is_ejbca(profile: str) -> bool:
    class_name = profile.rpartition(".")[2]
    if class_name not in (EJBCA, FIVRK):
        raise XRoadError(
            "validation_error",
            f"Cannot build a certificate subject for profile {profile[:255]!r}",
            advice=f"Profiles that can be requested here: {EJBCA}, {FIVRK}.",
        )
    return class_name == EJBCA


def _name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    for kind, value in attributes:
        if not value.strip():
            raise XRoadError(
                "validation_error",
                f"A certificate subject needs a value for {kind._name}",  # noqa: SLF001
            )
    with quiet():  # EJBCA has the instance in the country attribute: not two letters
        return x509.Name(
            [
                x509.NameAttribute(kind, text, _validate=False)
                for kind, text in attributes
            ]
        )
