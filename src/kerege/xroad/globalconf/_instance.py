"""One instance's shared parameters, indexed: every question is a dictionary look-up."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509

from kerege.xroad.certificates import ApprovedCA, Trust
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf._certificates import read_distributed_certificate
from kerege.xroad.globalconf.private_parameters import PrivateParameters
from kerege.xroad.globalconf.shared_parameters import SharedParameters
from kerege.xroad.globalconf.values import (
    CAInfo,
    CertificationService,
    OCSPResponder,
    SecurityServer,
    certificate_digest_of,
)
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.x509 import LEGACY, certificate_der, name_keys, verify_issued

NEVER = datetime.max.replace(tzinfo=UTC)
"""When a part without an expiry date expires."""


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """A registered member or subsystem, with its names."""

    id: ClientId
    member_name: str
    subsystem_name: str | None = None


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a provider can be reached."""

    server_id: SecurityServerId
    address: str
    """Host name or IP address; some registrations hold a URL."""
    in_maintenance: bool = False
    maintenance_message: str = ""
    """The administrator's words, if there are any."""


class InstanceIndex:
    """Look-ups in one instance. Nothing in it changes after construction.

    Raises ``malformed_global_conf`` if a certificate in the parameters is not one.
    """

    def __init__(self, shared: SharedParameters) -> None:
        self.shared = shared
        self.auth_certificate_digest = certificate_digest_of(shared.version).primitive
        self.clients = {info.id: info for info in _clients(shared)}
        self.servers = {server.id: server for server in shared.security_servers}
        self.groups = {
            group.code: (group, frozenset(group.members))
            for group in reversed(shared.global_groups)
        }
        self._index_servers()
        load = _loader(shared.instance)
        self._index_authorities(load)
        self.trust = Trust(
            instance=shared.instance,
            authorities=tuple(
                _approved_ca(service, load) for service in shared.certification_services
            ),
            ocsp_freshness_seconds=shared.ocsp_freshness_seconds,
        )
        self.tsa_certificates = tuple(
            load(service.certificate) for service in shared.timestamping_services
        )

    def _index_servers(self) -> None:
        servers_of: defaultdict[ClientId, list[SecurityServer]] = defaultdict(list)
        by_hash: defaultdict[bytes, list[SecurityServerId]] = defaultdict(list)
        digest = certificate_digest_of(self.shared.version)
        self.clients_of_server: dict[SecurityServerId, frozenset[ClientId]] = {}
        for server in self.shared.security_servers:
            clients = dict.fromkeys((server.owner, *server.clients))
            self.clients_of_server[server.id] = frozenset(clients)
            for client in clients:
                servers_of[client].append(server)
            for certificate_hash in server.auth_certificate_hashes:
                by_hash[certificate_hash.by(digest)].append(server.id)
        self.servers_of_client = {c: tuple(s) for c, s in servers_of.items()}
        self.servers_by_hash = {h: tuple(s) for h, s in by_hash.items()}
        self.addresses = {
            client: tuple(_server_address(server) for server in servers)
            for client, servers in (
                (client, [s for s in servers if s.address])
                for client, servers in servers_of.items()
            )
            if servers
        }

    def _index_authorities(self, load: Callable[[bytes], x509.Certificate]) -> None:
        self.responders: dict[bytes, tuple[OCSPResponder, ...]] = {}
        self.authorities: dict[bytes, CertificationService] = {}
        for service in self.shared.certification_services:
            for authority in service.authorities:
                der = certificate_der(load(authority.certificate))
                self.responders[der] = authority.ocsp_responders
                self.authorities[der] = service

    def issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        """Return the approved CA that issued ``certificate``.

        The reference looks by name only, and the last CA of that name wins. Where
        several have it (a CA's new key), we take the one whose key fits.
        """
        _, issuer = name_keys(certificate)
        found = [ca for _, ca in self.trust.named(issuer)]
        if len(found) < 2:
            return found[0] if found else None
        return next((ca for ca in found if _issued(certificate, ca)), found[-1])


@dataclass(frozen=True, slots=True)
class InstanceConfiguration:
    """The parameters of one instance, and how long they hold."""

    shared: SharedParameters
    private: PrivateParameters | None = None
    """Only the own instance's central server gives them to us."""
    expires: datetime = NEVER
    """The earlier one of both files' expiry dates."""
    known_index: InstanceIndex | None = field(default=None, repr=False, compare=False)
    """The index of ``shared``, where somebody has made it already."""

    @property
    def index(self) -> InstanceIndex:
        """An index of ``shared``. Raises ``malformed_global_conf``."""
        return self.known_index or InstanceIndex(self.shared)


def _clients(shared: SharedParameters) -> Iterator[MemberInfo]:
    for member in shared.members:
        yield MemberInfo(member.id(shared.instance), member.name)
        for subsystem in member.subsystems:
            client = member.subsystem_id(shared.instance, subsystem)
            yield MemberInfo(client, member.name, subsystem.name)


def _server_address(server: SecurityServer) -> ServerAddress:
    maintenance = server.maintenance
    return ServerAddress(
        server.id,
        server.address or "",
        in_maintenance=maintenance is not None,
        maintenance_message=(maintenance.message or "") if maintenance else "",
    )


def _approved_ca(
    service: CertificationService, load: Callable[[bytes], x509.Certificate]
) -> ApprovedCA:
    return ApprovedCA(
        name=service.name,
        authentication_only=service.authentication_only,
        top=load(service.top_ca.certificate),
        intermediates=tuple(load(ca.certificate) for ca in service.intermediate_cas),
        ocsp_responders={
            certificate_der(load(ca.certificate)): _responders(ca, load)
            for ca in service.authorities
        },
        profile=service.certificate_profile,
    )


def _responders(
    authority: CAInfo, load: Callable[[bytes], x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    return tuple(
        load(responder.certificate)
        for responder in authority.ocsp_responders
        if responder.certificate
    )


def _loader(instance: str) -> Callable[[bytes], x509.Certificate]:
    def load(der: bytes) -> x509.Certificate:
        try:
            return read_distributed_certificate(der)
        except XRoadError as error:
            raise XRoadError(
                "malformed_global_conf",
                f"The shared parameters of {instance} hold a certificate that "
                f"cannot be read: {error.message}",
            ) from error

    return load


def _issued(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Whether the key fits; how strong it is, the chain's verifier decides."""
    try:
        verify_issued(certificate, ca, policy=LEGACY)
    except XRoadError:
        return False
    return True
