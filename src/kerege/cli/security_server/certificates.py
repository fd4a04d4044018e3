"""Which certificate is meant, whose it is, and what a new one is to say."""

from dataclasses import dataclass
from pathlib import Path

import click
from cryptography import x509

from kerege.cli.failures import Failure
from kerege.cli.security_server.common import global_configuration
from kerege.exchange.keys import CertificateRecord, KeyUsage, TokenMetadata
from kerege.exchange.keys.changes import read_certificate
from kerege.exchange.security_server.settings import Settings
from kerege.xroad.certificates import (
    authentication_subject,
    is_signing_certificate,
    member_of,
    signing_subject,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.globalconf.values import CertificationService
from kerege.xroad.identifiers import ClientId
from kerege.xroad.x509 import NAMES_OF_ATTRIBUTES, certificate_sha256

DOWNLOAD = "Download it first: kerege configuration download --anchor FILE --to DIR"


@dataclass(frozen=True, slots=True)
class SubjectChoice:
    """What the command line says about a request's subject."""

    usage: KeyUsage
    member: ClientId | None
    ca: str
    organization: str
    hosts: tuple[str, ...]
    subject: str
    """Given outright, RFC 4514."""


def certificate_in(file: Path) -> x509.Certificate:
    """Read a certificate's file, or say which file is none."""
    try:
        return read_certificate(file.read_bytes())
    except XRoadError as error:
        raise Failure(
            f"{file} is not a certificate",  # noqa: EM102
            why=str(error),
            advice="Give the file that the CA sent, PEM or DER: neither the request "
            "(.csr) nor the key.",
        ) from error


def certificate_record(metadata: TokenMetadata, prefix: str) -> CertificateRecord:
    """Return the certificate whose SHA-256 begins so."""
    wanted = prefix.lower().replace(":", "")
    require_named(wanted)
    found = [
        record
        for key in metadata.keys
        for record in key.certificates
        if certificate_sha256(record.certificate).hex().startswith(wanted)
    ]
    if len(found) != 1:
        how_many = (
            "No certificate begins"
            if not found
            else (f"{len(found)} certificates begin")
        )
        msg = f"{how_many} with {prefix!r}"
        raise Failure(msg, advice="See: kerege security-server keys list")
    return found[0]


def require_named(prefix: str) -> None:
    """Refuse an empty text, an unset variable perhaps: every name begins with it."""
    if not prefix:
        raise Failure(
            "No key or certificate is named",
            advice="See: kerege security-server keys list",
        )


def member_named_in(settings: Settings, value: x509.Certificate) -> ClientId | None:
    """Return whose signing certificate it is; None for authentication."""
    if not is_signing_certificate(value):
        return None
    conf = global_configuration(settings)
    if conf is None:
        raise Failure(
            "Whose signing certificate this is, is said by the CA's profile, and there "
            "is no global configuration yet",
            advice=f"Give --member ID. Or: {DOWNLOAD}",
        )
    return member_of(value, conf.trust(conf.instance), instance=conf.instance)


def warn_unless_listed(settings: Settings, record: CertificateRecord) -> None:
    """Say so if the global configuration does not list an authentication certificate.

    A server that shows it all the same is refused by every other one.
    """
    conf = global_configuration(settings)
    if conf is None or record.member is not None:
        return
    if conf.server_of_auth_certificate(record.certificate) != settings.server_id:
        click.echo(
            "The global configuration that was downloaded last does not list it for "
            "this server yet.\n"
            "Do not reload before it does: kerege doctor --only certificates",
            err=True,
        )


def subject_of(settings: Settings, choice: SubjectChoice) -> x509.Name:
    """Return the subject for a request, by the CA's profile."""
    if choice.subject:
        try:
            names = {name: oid for oid, name in NAMES_OF_ATTRIBUTES.items()}
            return x509.Name.from_rfc4514_string(choice.subject, names)
        except ValueError as error:
            msg = f"The subject cannot be read: {error}"
            raise Failure(msg, advice="Write it as CN=...,O=...,C=...") from error
    conf = _configuration(settings)
    profile = _authority(conf, choice.ca).certificate_profile
    server = settings.server_id
    is_signing = choice.usage is KeyUsage.SIGNING
    member = (choice.member if is_signing else None) or server.owner
    name = choice.organization or conf.member_name(member) or ""
    try:
        if is_signing:
            return signing_subject(profile, member, server, organization=name)
        host = choice.hosts[0] if choice.hosts else ""
        return authentication_subject(profile, server, organization=name, host=host)
    except XRoadError as error:
        raise Failure(
            error.message,
            why=f"The CA's profile is {profile.rpartition('.')[2]}",
            advice=error.advice or _missing(choice, member, name),
        ) from error


def _missing(choice: SubjectChoice, member: ClientId, name: str) -> str:
    """Say which option gives what the profile needs."""
    if not name:
        return (
            f"{member.path} is not registered in the instance yet, so its name is not "
            "known: give it with --organization NAME"
        )
    if choice.usage is KeyUsage.AUTHENTICATION and not choice.hosts:
        return "Give the server's DNS name with --host NAME"
    return "Give a whole subject with --subject"


def _configuration(settings: Settings) -> GlobalConf:
    conf = global_configuration(settings)
    if conf is None:
        raise Failure(
            "There is no global configuration yet, so the CA's profile is not known",
            advice=f"Give --subject. Or: {DOWNLOAD}",
        )
    return conf


def _authority(conf: GlobalConf, name: str) -> CertificationService:
    services = conf.certification_services(conf.instance)
    found = [one for one in services if name in ("", one.name)]
    if len(found) != 1:
        msg = (
            f"There is no approved CA {name!r}"
            if name
            else f"{len(services)} CAs are approved"
        )
        names = ", ".join(repr(one.name) for one in services)
        raise Failure(msg, advice=f"Give --ca with one of: {names}")
    return found[0]
