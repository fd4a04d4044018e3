"""Makes a sandbox instance on disk: trust services, keys, certificates, servers.

Done once; a second start finds everything and is instant. All keys and people are
synthetic, and the PIN of the tokens lies beside them.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
)
from sqlalchemy import Connection

from kerege.exchange.keys import (
    CertificateStatus,
    KdfCost,
    KeyAlgorithm,
    KeyUsage,
    SoftwareToken,
)
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import (
    ClientStatus,
    ConnectionType,
    Endpoint,
    Service,
    ServiceType,
    add_client,
    add_service,
    add_timestamping_service,
    change_service,
    grant,
    put_endpoints,
    remove_timestamping_service,
)
from kerege.sandbox.central import CentralPlan, save_anchor
from kerege.sandbox.description import ENDPOINTS
from kerege.sandbox.folder import emptied
from kerege.sandbox.layout import (
    INSTANCE,
    MEMBERS,
    REGISTER,
    SERVICES,
    TRUST_ADDRESS,
    Files,
    MemberPlan,
    Ports,
    ServicePlan,
)
from kerege.sandbox.registrations import read_registrations, with_registrations
from kerege.trust.authority import Authority, Validity
from kerege.trust.ca import CA_DAYS, SandboxCA
from kerege.trust.ca_folder import load_ca, save_ca
from kerege.trust.key_kinds import KeyKind, PrivateKey, generate_key
from kerege.trust.subjects import service_subject

FORMAT = 1
"""Raised when instances of an older Kerege cannot be used any more."""
TOKEN_COST = KdfCost(n=1 << 10)
"""The PIN lies beside the token: stretching it protects nothing here."""
SERVICE_TIMEOUT_SECONDS = 60
DATABASE = "security-server.db"
DESCRIBED = tuple(Endpoint(*one) for one in ENDPOINTS)
"""Endpoints of every service of the register."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Instance:
    """A built instance."""

    files: Files
    ports: Ports
    ca: SandboxCA
    central: CentralPlan
    central_key: PrivateKey


def is_built(files: Files) -> bool:
    """Whether a usable instance lies in the folder."""
    try:
        plan = json.loads(files.plan.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(plan, dict) and plan.get("format") == FORMAT


def build(
    files: Files,
    ports: Ports,
    *,
    kind: KeyKind = KeyKind.RSA_2048,
    server_keys: KeyAlgorithm = KeyAlgorithm.RSA_2048,
    progress: Progress = lambda _: None,
) -> Instance:
    """Make a new instance; an older one in the folder is removed.

    Args:
        files: Where.
        ports: Of all its servers.
        kind: Of the keys of the CA and its services.
        server_keys: Of the Security Servers' authentication and signing keys.
        progress: Hears what is being made.

    Raises `FolderError` if the folder holds something that is not a demo's.
    """
    emptied(files.root)
    progress("certification authority, OCSP responder, time-stamping authority")
    ca = SandboxCA.create(INSTANCE, kind=kind)
    pin = secrets.token_urlsafe(16)
    _write_secret(files.pin, pin.encode())
    for member in MEMBERS:
        progress(f"security server {member.server_code} of {member.name}")
        _build_server(files, ports, member, ca, pin, server_keys)
    progress("global configuration")
    save_ca(ca, files.trust)
    _make_central_key(files)
    _write_plan(files, ports)
    return load(files)


def load(files: Files) -> Instance:
    """Read an instance that `build` made."""
    ports = _ports(files)
    ca = load_ca(files.trust)
    key = load_pem_private_key(
        (files.central / "signing-key.pem").read_bytes(), password=None
    )
    certificate = x509.load_pem_x509_certificate(
        (files.central / "signing-certificate.pem").read_bytes()
    )
    authentication = {
        member.server_code: x509.load_pem_x509_certificate(
            (files.server(member) / "authentication.pem").read_bytes()
        )
        for member in MEMBERS
    }
    central = CentralPlan(ca, ports, authentication, certificate)
    central = with_registrations(central, read_registrations(files))
    return Instance(files, ports, ca, central, _private_key(key))


def move_ports(files: Files, ports: Ports) -> Instance:
    """Give a built instance other ports: settings, service addresses, anchor."""
    old = _ports(files)
    for member in MEMBERS:
        _write_settings(files, ports, member)
        _readdress(files, old, ports, member)
    _write_plan(files, ports)
    instance = load(files)
    prepare(instance)
    return instance


def prepare(instance: Instance) -> None:
    """Write what every start needs: a fresh anchor."""
    save_anchor(instance.files.anchor, instance.central, datetime.now(UTC))


def _build_server(
    files: Files,
    ports: Ports,
    member: MemberPlan,
    ca: SandboxCA,
    pin: str,
    keys: KeyAlgorithm,
) -> None:
    folder = files.server(member)
    folder.mkdir(parents=True)
    token = SoftwareToken.create(folder / "token", pin, cost=TOKEN_COST)
    token.login(pin)
    authentication = token.generate_key(KeyUsage.AUTHENTICATION, keys)
    certificate = ca.issue_authentication(
        load_der_public_key(authentication.public_key),
        member.server_id,
        host=member.address,
    )
    token.import_certificate(certificate, status=CertificateStatus.REGISTERED)
    pem = certificate.public_bytes(Encoding.PEM)
    (folder / "authentication.pem").write_bytes(pem)
    signing = token.generate_key(KeyUsage.SIGNING, keys)
    token.import_certificate(
        ca.issue_signing(
            load_der_public_key(signing.public_key), member.member_id, member.server_id
        ),
        member=member.member_id,
    )
    _write_settings(files, ports, member)
    with _database(files, member) as connection:
        configure(connection, ports, member)


def _write_settings(files: Files, ports: Ports, member: MemberPlan) -> None:
    text = f"""# A sandbox's Security Server: {member.name}. NOT FOR PRODUCTION.
identifier = "{member.server_id.path}"

[listen]
client_http = "{member.address}:{ports.client_http}"
client_https = "{member.address}:{ports.client_https}"
peer = "{member.address}:{ports.peer}"
ocsp = "{member.address}:{ports.ocsp}"
admin = "{member.address}:{ports.admin}"

[peers]
port = {ports.peer}
ocsp_port = {ports.ocsp}

[configuration]
anchor = "{files.anchor.resolve()}"
"""
    (files.server(member) / "server.toml").write_text(text, encoding="utf-8")


def configure(connection: Connection, ports: Ports, member: MemberPlan) -> None:
    """Fill a new server's database: clients, services, rights."""
    for client in (member.member_id, *member.clients):
        add_client(
            connection,
            client,
            connection_type=ConnectionType.HTTP,
            status=ClientStatus.REGISTERED,
        )
    add_timestamping_service(connection, "Sandbox TSA", _tsa_url(ports))
    if member is REGISTER:
        for plan in SERVICES:
            add_service(connection, _service(plan, ports))
            put_endpoints(connection, plan.service_id, DESCRIBED)
            for client in plan.allowed:
                grant(connection, plan.service_id, client)


def _readdress(files: Files, old: Ports, new: Ports, member: MemberPlan) -> None:
    """Point a server's database to other ports; the message log stays."""
    with _database(files, member) as connection:
        remove_timestamping_service(connection, _tsa_url(old))
        add_timestamping_service(connection, "Sandbox TSA", _tsa_url(new))
        if member is REGISTER:
            for plan in SERVICES:
                change_service(connection, _service(plan, new))


@contextmanager
def _database(files: Files, member: MemberPlan) -> Iterator[Connection]:
    database = open_database(f"sqlite:///{files.server(member) / DATABASE}")
    try:
        with database.write() as connection:
            yield connection
    finally:
        database.close()


def _service(plan: ServicePlan, ports: Ports) -> Service:
    provider = f"http://{TRUST_ADDRESS}:{ports.provider}"
    return Service(
        plan.service_id,
        ServiceType.OPENAPI3,
        f"{provider}/{plan.code}",
        SERVICE_TIMEOUT_SECONDS,
        verify_tls=False,
        description_url=f"{provider}/openapi/{plan.code}",
    )


def _tsa_url(ports: Ports) -> str:
    return f"http://{TRUST_ADDRESS}:{ports.tsa}/"


def _ports(files: Files) -> Ports:
    plan = json.loads(files.plan.read_text(encoding="utf-8"))
    # A plan of an older version has fewer ports: others than any that we find.
    return Ports(**{"admin": 0, "site": 0, **plan["ports"]})


def _write_plan(files: Files, ports: Ports) -> None:
    plan = {"format": FORMAT, "ports": asdict(ports)}
    files.plan.write_text(json.dumps(plan), encoding="utf-8")


def _make_central_key(files: Files) -> None:
    """Make the key that signs the configuration, with its certificate."""
    files.central.mkdir(exist_ok=True)
    key = generate_key(KeyKind.RSA_2048)
    authority = Authority.self_signed(
        service_subject(INSTANCE, "Sandbox configuration"),
        key,
        Validity.days_from(datetime.now(UTC), CA_DAYS),
    )
    _write_secret(
        files.central / "signing-key.pem",
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    (files.central / "signing-certificate.pem").write_bytes(
        authority.certificate.public_bytes(Encoding.PEM)
    )


def _private_key(key: object) -> PrivateKey:
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    msg = f"The configuration signing key is a {type(key).__name__}"
    raise TypeError(msg)


def _write_secret(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
