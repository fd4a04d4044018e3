"""What an instance's configuration says beyond its three servers. NOT FOR PRODUCTION.

A file beside the configuration's keys: servers that have joined, and the authentication
certificates of servers that have changed theirs. The demo reads it, commands write it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.files import replace_file
from kerege.sandbox.central import CentralPlan
from kerege.sandbox.layout import MEMBERS, Files, MemberPlan
from kerege.xroad.identifiers import SecurityServerId
from kerege.xroad.x509 import certificate_der, load_certificate


@dataclass(frozen=True, slots=True)
class Registration:
    """A server as the configuration is to show it."""

    plan: MemberPlan
    certificates: tuple[x509.Certificate, ...]


Registrations = Mapping[SecurityServerId, Registration]


def read_registrations(files: Files) -> Registrations:
    """Return what was registered; nothing if there is no file.

    Raises `ValueError` or `KeyError` if the file is damaged.
    """
    try:
        rows = json.loads(files.registrations.read_bytes())
    except FileNotFoundError:
        return {}
    found = [_registration(name, row) for name, row in rows.items()]
    return {one.plan.server_id: one for one in found}


def write_registrations(files: Files, registrations: Registrations) -> None:
    """Replace the file."""
    rows = {
        server.path: {
            "name": one.plan.name,
            "address": one.plan.address,
            "subsystems": dict(one.plan.subsystems),
            "certificates": [
                certificate.public_bytes(Encoding.PEM).decode()
                for certificate in one.certificates
            ],
        }
        for server, one in registrations.items()
    }
    replace_file(files.registrations, json.dumps(rows, indent=1).encode())


def with_registrations(plan: CentralPlan, registrations: Registrations) -> CentralPlan:
    """Return the instance's plan with what was registered instead of what was before."""
    known = {member.server_id: member for member in MEMBERS}
    members = {**known, **{server: one.plan for server, one in registrations.items()}}
    registered = {server: one.certificates for server, one in registrations.items()}
    return replace(plan, members=tuple(members.values()), registered=registered)


def _registration(name: str, row: dict[str, object]) -> Registration:
    server = SecurityServerId.from_path(name)
    subsystems, pems = row["subsystems"], row["certificates"]
    if not isinstance(subsystems, dict) or not isinstance(pems, list):
        msg = f"The registration of {name} is damaged"
        raise ValueError(msg)  # noqa: TRY004 - the file's content is wrong
    plan = MemberPlan(
        server.member_class,
        server.member_code,
        str(row["name"]),
        server.server_code,
        str(row["address"]),
        tuple((str(code), str(called)) for code, called in subsystems.items()),
        server.instance,
    )
    return Registration(plan, tuple(map(_certificate, pems)))


def _certificate(pem: str) -> x509.Certificate:
    value = x509.load_pem_x509_certificate(pem.encode())
    return load_certificate(certificate_der(value))
