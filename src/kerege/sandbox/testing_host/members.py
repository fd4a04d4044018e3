"""The two members of an exchange for tests: identifiers, keys, settings, database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sqlalchemy import Connection

from kerege.exchange.keys.signer import SoftwareSigner
from kerege.exchange.messagelog import LogCipher, LogKey
from kerege.exchange.security_server.runtime import ServerKeys
from kerege.exchange.storage.server_configuration import (
    ClientStatus,
    ConnectionType,
    add_client,
    add_timestamping_service,
)
from kerege.exchange.tls import (
    Identity,
    client_side_context,
    load_identity,
    peer_client_context,
    peer_server_context,
    prove_any_certificate_arrives,
    service_context,
)
from kerege.sandbox.central import CentralPlan
from kerege.sandbox.layout import TRUST_ADDRESS, MemberPlan, Ports
from kerege.trust.authority import Authority, Validity
from kerege.trust.ca import SandboxCA
from kerege.trust.key_kinds import KeyKind, PrivateKey, generate_key
from kerege.trust.subjects import service_subject
from kerege.xroad.identifiers import ClientId

ADDRESSES = ("127.0.0.11", "127.0.0.12")
"""Of the consumer's server and the provider's."""
DAYS = 7
"""No test runs longer."""
SIGNING_KEY = "signing"


@dataclass(frozen=True, slots=True)
class Participants:
    """Who calls whom."""

    consumer: MemberPlan
    provider: MemberPlan
    keys: KeyKind

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> Self:
        """Return what a plan (`kerege.sandbox.testing.plan`) says."""
        return cls(
            _member(plan["consumer"], "Consumer", "SS1", ADDRESSES[0]),
            _member(plan["provider"], "Provider", "SS2", ADDRESSES[1]),
            KeyKind(plan["keys"]),
        )

    @property
    def members(self) -> tuple[MemberPlan, MemberPlan]:
        """Both, each with its server."""
        return (self.consumer, self.provider)


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key of an exchange for tests, made for it and kept nowhere."""

    ca: SandboxCA
    central: CentralPlan
    central_key: PrivateKey
    identities: Mapping[str, Identity]
    """By server code: for TLS between servers."""
    signers: Mapping[str, Mapping[ClientId, SoftwareSigner]]
    """By server code."""
    internal: Identity
    """Of the HTTPS port for information systems."""


def make_keys(participants: Participants, ports: Ports) -> Keys:
    """Make all keys and certificates."""
    kind = participants.keys
    instance = participants.provider.instance
    ca = SandboxCA.create(instance, kind=kind)
    validity = Validity.days_from(datetime.now(UTC), DAYS)
    identities, signers = {}, {}
    for member in participants.members:
        key = generate_key(kind)
        certificate = ca.issue_authentication(
            key.public_key(), member.server_id, host=member.address, validity=validity
        )
        identity = load_identity([certificate, *ca.chain], key)
        identities[member.server_code] = identity
        key = generate_key(kind)
        certificate = ca.issue_signing(
            key.public_key(), member.member_id, member.server_id, validity=validity
        )
        signer = SoftwareSigner(certificate, SIGNING_KEY, {SIGNING_KEY: key})
        signers[member.server_code] = {member.member_id: signer}
    central_key = generate_key(kind)
    central = Authority.self_signed(
        service_subject(instance, "Sandbox configuration"), central_key, validity
    )
    plan = CentralPlan(
        ca,
        ports,
        {code: identity.certificates[0] for code, identity in identities.items()},
        central.certificate,
        participants.members,
        participants.provider,
    )
    return Keys(ca, plan, central_key, identities, signers, _internal(kind, validity))


def _internal(kind: KeyKind, validity: Validity) -> Identity:
    """Return what both servers show to information systems: self-signed, no CA."""
    key = generate_key(kind)
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "security-server-internal")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .sign(key, hashes.SHA256())
    )
    return load_identity([certificate], key)


def server_keys(keys: Keys, code: str) -> ServerKeys:
    """Return the keys of one server."""
    prove_any_certificate_arrives()
    identity = keys.identities[code]
    return ServerKeys(
        authentication_chain=identity.certificates,
        signers=keys.signers[code],
        peer_server=peer_server_context(identity),
        peer_client=peer_client_context(identity),
        client_side=client_side_context(keys.internal),
        service=service_context(keys.internal, verify=False),
        internal_certificate=keys.internal.certificates[0],
        log_cipher=LogCipher([LogKey.new()]),
    )


def settings_text(member: MemberPlan, ports: Ports, anchor: Path) -> str:
    """Return the settings file of one server."""
    return f"""# A Security Server for tests. NOT FOR PRODUCTION.
identifier = "{member.server_id.path}"

[listen]
client_http = "{member.address}:{ports.client_http}"
client_https = "{member.address}:{ports.client_https}"
peer = "{member.address}:{ports.peer}"
ocsp = "{member.address}:{ports.ocsp}"
admin = ""

[peers]
port = {ports.peer}
ocsp_port = {ports.ocsp}

[configuration]
anchor = "{anchor.resolve()}"
"""


def configure(connection: Connection, ports: Ports, member: MemberPlan) -> None:
    """Fill a server's new database: the member and its subsystem."""
    for client in (member.member_id, *member.clients):
        add_client(
            connection,
            client,
            connection_type=ConnectionType.HTTP,
            status=ClientStatus.REGISTERED,
        )
    url = f"http://{TRUST_ADDRESS}:{ports.tsa}/"
    add_timestamping_service(connection, "Sandbox TSA", url)


def _member(identifier: str, name: str, server: str, address: str) -> MemberPlan:
    instance, member_class, code, subsystem = identifier.split("/")
    return MemberPlan(
        member_class, code, name, server, address, ((subsystem, name),), instance
    )
