"""The sandbox's configuration source: signs what the instance is and serves it.

A Central Server is a product of its own and comes later; this publishes a fixed plan,
in every version from 2 to 6, as the reference's central server does.
"""

import asyncio
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web
from cryptography import x509

from kerege.sandbox.layout import (
    MEMBERS,
    REGISTER,
    TRUST_ADDRESS,
    MemberPlan,
    Ports,
)
from kerege.trust import NOT_FOR_PRODUCTION
from kerege.trust.ca import SandboxCA
from kerege.xroad.algorithms import SHA512
from kerege.xroad.globalconf import (
    Anchor,
    AnchorSource,
    ManagementService,
    PrivateParameters,
    SharedParameters,
)
from kerege.xroad.globalconf.directory_builder import (
    BOUNDARY_CHARACTERS,
    DirectoryContent,
    DirectoryPart,
    build_signed_directory,
    version_path,
)
from kerege.xroad.globalconf.signed_directory import (
    PRIVATE_PARAMETERS,
    SHARED_PARAMETERS,
)
from kerege.xroad.globalconf.values import (
    CURRENT_VERSION,
    MINIMUM_VERSION,
    CAInfo,
    CertHash,
    CertificationService,
    ConfigurationSource,
    CostType,
    Member,
    MemberClass,
    OCSPResponder,
    SecurityServer,
    Subsystem,
    TimestampingService,
)
from kerege.xroad.identifiers import ClientId, SecurityServerId
from kerege.xroad.signature import Signer
from kerege.xroad.x509 import certificate_der

EXPIRES_AFTER = timedelta(minutes=10)
"""As the reference's central server does."""
SIGN_AGAIN_SECONDS = 60.0
TIMESTAMPING_INTERVAL_SECONDS = 60
OCSP_FRESHNESS_SECONDS = 3600
INTERNAL, EXTERNAL = "/internalconf", "/externalconf"
_MEMBER_CLASSES = {"GOV": "Public bodies", "COM": "Companies"}


@dataclass(frozen=True, slots=True)
class CentralPlan:
    """Everything that the configuration says."""

    ca: SandboxCA
    ports: Ports
    authentication: Mapping[str, x509.Certificate]
    """Server code to its authentication certificate."""
    signing_certificate: x509.Certificate
    """Certificate of the configuration signing key."""
    members: tuple[MemberPlan, ...] = MEMBERS
    manager: MemberPlan = REGISTER
    """Provider of the management services."""
    registered: Mapping[SecurityServerId, tuple[x509.Certificate, ...]] = field(
        default_factory=dict
    )
    """Authentication certificates of servers that have others than in the beginning."""

    def certificates_of(self, member: MemberPlan) -> tuple[x509.Certificate, ...]:
        """Return the authentication certificates that are registered for a server."""
        if member.server_id in self.registered:
            return self.registered[member.server_id]
        return (self.authentication[member.server_code],)

    @property
    def instance(self) -> str:
        """The instance's identifier."""
        return self.manager.instance


def anchor(plan: CentralPlan, at: datetime) -> Anchor:
    """Return the anchor that the servers start from."""
    url = f"http://{TRUST_ADDRESS}:{plan.ports.configuration}{INTERNAL}"
    certificate = certificate_der(plan.signing_certificate)
    return Anchor(plan.instance, (AnchorSource(url, (certificate,)),), at)


def shared_parameters(plan: CentralPlan) -> SharedParameters:
    """Return the shared parameters."""
    verification = (certificate_der(plan.signing_certificate),)
    return SharedParameters(
        version=CURRENT_VERSION,
        instance=plan.instance,
        ocsp_freshness_seconds=OCSP_FRESHNESS_SECONDS,
        sources=(
            ConfigurationSource(
                f"{TRUST_ADDRESS}:{plan.ports.configuration}",
                verification,
                verification,
            ),
        ),
        certification_services=(_certification_service(plan),),
        timestamping_services=(
            TimestampingService(
                f"{NOT_FOR_PRODUCTION} TSA",
                f"http://{TRUST_ADDRESS}:{plan.ports.tsa}/",
                certificate_der(plan.ca.tsa.certificate),
                CostType.FREE,
            ),
        ),
        members=_members(plan),
        security_servers=tuple(_server(plan, member) for member in plan.members),
        member_classes=tuple(
            map(_member_class, dict.fromkeys(m.member_class for m in plan.members))
        ),
    )


def private_parameters(plan: CentralPlan) -> PrivateParameters:
    """Return the private parameters."""
    return PrivateParameters(
        plan.instance,
        ManagementService(
            f"https://{TRUST_ADDRESS}:4001/managementservice/", plan.manager.member_id
        ),
        TIMESTAMPING_INTERVAL_SECONDS,
    )


def _certification_service(plan: CentralPlan) -> CertificationService:
    ca = plan.ca
    url = f"http://{TRUST_ADDRESS}:{plan.ports.ca_ocsp}/"

    def info(certificate: x509.Certificate, responder: x509.Certificate) -> CAInfo:
        ocsp = OCSPResponder(url, certificate_der(responder), CostType.FREE)
        return CAInfo(certificate_der(certificate), (ocsp,))

    return CertificationService(
        NOT_FOR_PRODUCTION,
        info(ca.root.certificate, ca.root_ocsp.certificate),
        ca.profile,
        intermediate_cas=(info(ca.intermediate.certificate, ca.ocsp.certificate),),
        csr_format="PEM",
    )


def _server(plan: CentralPlan, member: MemberPlan) -> SecurityServer:
    certificates = map(certificate_der, plan.certificates_of(member))
    return SecurityServer(
        member.member_id,
        member.server_code,
        member.address,
        tuple(map(CertHash.of_certificate, certificates)),
        member.clients,
    )


def _members(plan: CentralPlan) -> tuple[Member, ...]:
    """Return each member once, with the subsystems of all its servers."""
    names: dict[ClientId, str] = {}
    subsystems: dict[ClientId, dict[str, str]] = {}
    for one in plan.members:
        names.setdefault(one.member_id, one.name)
        subsystems.setdefault(one.member_id, {}).update(one.subsystems)
    return tuple(
        Member(
            _member_class(member.member_class),
            member.member_code,
            name,
            tuple(
                Subsystem(code, called) for code, called in subsystems[member].items()
            ),
        )
        for member, name in names.items()
    )


def _member_class(code: str) -> MemberClass:
    return MemberClass(code, _MEMBER_CLASSES.get(code, code))


class ConfigurationPublisher:
    """Serves the signed directories; signs them again before they expire."""

    def __init__(
        self,
        plan: CentralPlan,
        signer: Signer,
        *,
        clock: Callable[[], datetime],
        shared: SharedParameters | None = None,
    ) -> None:
        """Publish ``plan``, signed by ``signer``; or other shared parameters."""
        self._signer = signer
        self._clock = clock
        self._instance = plan.instance
        self._parts: dict[int, tuple[DirectoryPart, ...]] = {}
        self._files: dict[str, bytes] = {}
        self._directories: dict[tuple[str, int], bytes] = {}
        self.publish(plan, shared)

    def publish(
        self, plan: CentralPlan, shared: SharedParameters | None = None
    ) -> None:
        """Publish another plan from now on.

        What the directories of the last one list can still be downloaded.
        """
        shared = shared or shared_parameters(plan)
        private = private_parameters(plan).to_xml()
        generated = self._clock()
        last = [part for parts in self._parts.values() for part in parts]
        self._files = {part.location: part.data for part in last}
        for version in range(MINIMUM_VERSION, CURRENT_VERSION + 1):
            path = version_path(version, generated)
            files = (
                DirectoryPart(
                    PRIVATE_PARAMETERS, f"{path}/private-params.xml", private
                ),
                DirectoryPart(
                    SHARED_PARAMETERS,
                    f"{path}/shared-params.xml",
                    shared.to_xml(version=version),
                ),
            )
            self._parts[version] = files
            self._files.update({part.location: part.data for part in files})
        self.sign()

    def sign(self) -> None:
        """Sign all directories anew, valid from now."""
        for version, parts in self._parts.items():
            for name, listed in ((INTERNAL, parts), (EXTERNAL, parts[1:])):
                content = DirectoryContent(
                    self._instance,
                    version,
                    self._clock() + EXPIRES_AFTER,
                    listed,
                    SHA512,
                )
                self._directories[name, version] = build_signed_directory(
                    content,
                    signer=self._signer,
                    boundaries=(_boundary(), _boundary()),
                )

    async def keep_signing(self) -> None:
        """Sign again and again until cancelled."""
        while True:
            await asyncio.sleep(SIGN_AGAIN_SECONDS)
            self.sign()

    def application(self) -> web.Application:
        """Return the application that serves directories and files."""

        async def serve(request: web.Request) -> web.Response:
            version = request.query.get("version", str(MINIMUM_VERSION))
            known = self._directories.get(
                (request.path, int(version) if version.isdigit() else 0)
            )
            if known is not None:
                return web.Response(body=known, content_type="text/plain")
            file = self._files.get(request.path)
            if file is None:
                raise web.HTTPNotFound
            return web.Response(body=file, content_type="text/xml")

        application = web.Application()
        application.router.add_get("/{path:.*}", serve)
        return application


def save_anchor(path: Path, plan: CentralPlan, at: datetime) -> None:
    """Write the anchor file."""
    path.write_bytes(anchor(plan, at).to_xml())


def _boundary() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(BOUNDARY_CHARACTERS))
