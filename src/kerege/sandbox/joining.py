"""Certificates and registrations for servers of your own. NOT FOR PRODUCTION.

In real life a CA looks at who asks, and the operator of the instance at what is
registered. Here whoever can write the demo's folder gets both at once. A demo that runs
takes over what changes, within seconds; one that does not run finds it at its start.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog
from cryptography import x509

from kerege.exchange.processes import alone_in
from kerege.sandbox.builder import Instance, is_built, load
from kerege.sandbox.central import ConfigurationPublisher
from kerege.sandbox.layout import INSTANCE, Files, MemberPlan
from kerege.sandbox.registrations import (
    Registration,
    read_registrations,
    with_registrations,
    write_registrations,
)
from kerege.trust.authority import CertificateUsage
from kerege.trust.ca_folder import STATE, load_ca, save_registers, take_over_registers
from kerege.xroad.certificates import is_authentication_certificate
from kerege.xroad.identifiers import SecurityServerId
from kerege.xroad.x509 import subject_text

FOLLOW_SECONDS = 1.0
"""How often a running demo looks whether the files have changed."""
MAX_SERVERS = 100
"""That may join: a demo is for one machine."""
MAX_CERTIFICATES = 10
"""Registered for one server: two while they change, and some that nobody took out."""

_log = structlog.get_logger(__name__)


class JoiningError(Exception):
    """Something cannot be certified or registered; the message says why."""


def certify(files: Files, request: bytes) -> x509.Certificate:
    """Have the instance's CA issue what a certificate request asks for.

    Args:
        files: Of a built instance.
        request: PKCS#10, PEM or DER; its key usage says what it is for.

    Raises `JoiningError`, `OSError`.
    """
    _require_built(files)
    usage = _usage_of(request)
    with alone_in(files.trust):
        ca = load_ca(files.trust)
        try:
            issued = ca.issue_from_request(request, usage)
        except (ValueError, TypeError) as error:
            raise JoiningError(str(error)) from error
        save_registers(ca, files.trust)
    return issued


def register(
    files: Files,
    server: SecurityServerId,
    certificate: x509.Certificate,
    *,
    newcomer: MemberPlan | None = None,
) -> Registration:
    """Put an authentication certificate into the configuration, beside what is there.

    Args:
        files: Of a built instance.
        server: Whose certificate it is.
        certificate: Issued by `certify`.
        newcomer: Says who the server is; needed if the configuration does not know it,
            changes what it says if it does.

    Returns what is registered for the server now. Raises `JoiningError`, `OSError`.
    """
    _require_ours(files, certificate)
    with alone_in(files.trust):
        known = dict(read_registrations(files))
        found = _registered(files, server)
        plan = newcomer or (found.plan if found else None)
        if plan is None:
            msg = f"No server {server.path} is registered: say where it is (--address)"
            raise JoiningError(msg)
        certificates = found.certificates if found else ()
        if certificate in certificates and newcomer is None:
            msg = f"The certificate is registered already for {server.path}"
            raise JoiningError(msg)
        if certificate not in certificates:
            certificates = (*certificates, certificate)
        known[server] = Registration(plan, certificates)
        _require_bounds(known)
        write_registrations(files, known)
    return known[server]


def unregister(files: Files, certificate: x509.Certificate) -> SecurityServerId:
    """Take an authentication certificate out of the configuration.

    Returns whose it was. Raises `JoiningError`, `OSError`.
    """
    _require_built(files)
    with alone_in(files.trust):
        known = dict(read_registrations(files))
        for one in registered(files):
            if certificate in one.certificates:
                kept = tuple(c for c in one.certificates if c != certificate)
                known[one.plan.server_id] = replace(one, certificates=kept)
                write_registrations(files, known)
                return one.plan.server_id
    msg = f"{subject_text(certificate)} is not registered for any server"
    raise JoiningError(msg)


def registered(files: Files) -> Sequence[Registration]:
    """Return all servers of the configuration. Raises `JoiningError`, `OSError`."""
    _require_built(files)
    central = load(files).central
    return [Registration(m, central.certificates_of(m)) for m in central.members]


async def follow(instance: Instance, publisher: ConfigurationPublisher) -> None:
    """Take over what commands have issued and registered, until cancelled."""
    seen, published = _stamps(instance.files), read_registrations(instance.files)
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        now = _stamps(instance.files)
        if now == seen:
            continue
        seen = now
        try:
            take_over_registers(instance.ca, instance.files.trust)
            registrations = read_registrations(instance.files)
        except (OSError, ValueError, KeyError):
            _log.exception("sandbox_not_followed")
            continue
        if registrations != published:
            published = registrations
            publisher.publish(with_registrations(instance.central, registrations))


def _stamps(files: Files) -> list[tuple[int, int]]:
    """Return what changes when one of the files is replaced."""
    found = []
    for path in (files.trust / STATE, files.registrations):
        try:
            state = path.stat()
        except FileNotFoundError:
            found.append((0, 0))
        else:
            found.append((state.st_ino, state.st_mtime_ns))
    return found


def _registered(files: Files, server: SecurityServerId) -> Registration | None:
    return next((r for r in registered(files) if r.plan.server_id == server), None)


def _require_built(files: Files) -> None:
    if not is_built(files):
        msg = f"{files.root} holds no demo. Start one, `kerege demo`, or say --folder"
        raise JoiningError(msg)


def _require_ours(files: Files, certificate: x509.Certificate) -> None:
    _require_built(files)
    if not is_authentication_certificate(certificate):
        msg = "Only authentication certificates are registered; this is another one"
        raise JoiningError(msg)
    issued = load_ca(files.trust).intermediate.register.get(certificate.serial_number)
    if issued is None or issued.certificate != certificate:
        msg = f"{subject_text(certificate)} was not issued by this demo's CA"
        raise JoiningError(msg)


def _require_bounds(known: dict[SecurityServerId, Registration]) -> None:
    if len(known) > MAX_SERVERS:
        msg = f"More than {MAX_SERVERS} servers have joined: start over with --reset"
        raise JoiningError(msg)
    for server, one in known.items():
        if len(one.certificates) > MAX_CERTIFICATES:
            msg = (
                f"{server.path} would have more than {MAX_CERTIFICATES} certificates: "
                "take old ones out with `kerege sandbox unregister`"
            )
            raise JoiningError(msg)
        if server.instance != INSTANCE:
            msg = f"The demo's instance is {INSTANCE}, not {server.instance}"
            raise JoiningError(msg)


def _usage_of(request: bytes) -> CertificateUsage:
    """Return what a certificate request is for, by its key usage."""
    try:
        csr = (
            x509.load_pem_x509_csr(request)
            if request.lstrip().startswith(b"-----BEGIN")
            else x509.load_der_x509_csr(request)
        )
        usage = csr.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        msg = "The request does not say what the key is for (key usage)"
        raise JoiningError(msg) from None
    except ValueError as error:
        msg = f"This is no certificate request: {error}"
        raise JoiningError(msg) from error
    if usage.content_commitment:
        return CertificateUsage.SIGNING
    return CertificateUsage.AUTHENTICATION
