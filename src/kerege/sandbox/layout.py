"""What a sandbox instance consists of: members, servers, services, addresses, files.

Everything here is a plan; `builder` makes it, `demo` runs it. The identifiers are
those of the national exchange, so that existing clients work unchanged.
"""

from dataclasses import astuple, dataclass
from pathlib import Path

from kerege.sandbox.folder import PLAN
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId

INSTANCE = "central-server"


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """A member with the one server it owns."""

    member_class: str
    member_code: str
    name: str
    server_code: str
    address: str
    """The server's own loopback address."""
    subsystems: tuple[tuple[str, str], ...]
    """Codes and names."""
    instance: str = INSTANCE

    @property
    def member_id(self) -> ClientId:
        """The member."""
        return ClientId(self.instance, self.member_class, self.member_code)

    @property
    def server_id(self) -> SecurityServerId:
        """Its server."""
        return SecurityServerId(
            self.instance, self.member_class, self.member_code, self.server_code
        )

    def subsystem(self, code: str) -> ClientId:
        """Return one of its subsystems."""
        return ClientId(self.instance, self.member_class, self.member_code, code)

    @property
    def clients(self) -> tuple[ClientId, ...]:
        """All subsystems."""
        return tuple(self.subsystem(code) for code, _ in self.subsystems)


PORTAL = MemberPlan(
    "GOV", "70000001", "Citizen portal", "SS1", "127.0.0.11", (("portal", "Portal"),)
)
REGISTER = MemberPlan(
    "GOV",
    "70000050",
    "Village registers",
    "SS2",
    "127.0.0.12",
    (("sanaripaymak-service", "Sanarip Aimak"),),
)
BANK = MemberPlan(
    "COM", "60000001", "A bank", "SS3", "127.0.0.13", (("banking", "Banking"),)
)
MEMBERS = (PORTAL, REGISTER, BANK)

PORTAL_CLIENT = PORTAL.subsystem("portal")
BANK_CLIENT = BANK.subsystem("banking")
PROVIDER = REGISTER.subsystem("sanaripaymak-service")


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """A service of the register and who may call it."""

    code: str
    allowed: tuple[ClientId, ...]

    @property
    def service_id(self) -> ServiceId:
        """The service's identifier."""
        return ServiceId(
            INSTANCE,
            PROVIDER.member_class,
            PROVIDER.member_code,
            PROVIDER.subsystem_code,
            self.code,
        )


SERVICES = (
    ServicePlan("address-fact", (PORTAL_CLIENT, BANK_CLIENT)),
    ServicePlan("family-members", (PORTAL_CLIENT,)),
)


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of an instance. Messages and OCSP are the same for all servers."""

    peer: int = 5500
    ocsp: int = 5577
    client_http: int = 8080
    client_https: int = 8443
    configuration: int = 4080
    ca_ocsp: int = 8888
    tsa: int = 8899
    provider: int = 9001
    admin: int = 9180
    site: int = 8000
    """Of the village's site, for people."""

    def shifted(self, by: int) -> "Ports":
        """Return the ports with all numbers moved up."""
        return Ports(*(port + by for port in astuple(self)))


TRUST_ADDRESS = "127.0.0.10"
"""Configuration source, OCSP responder, TSA and the provider listen here."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where things lie inside the instance's folder."""

    root: Path

    @property
    def trust(self) -> Path:
        """The CA's folder."""
        return self.root / "trust"

    @property
    def central(self) -> Path:
        """The configuration source's signing keys and what it publishes."""
        return self.root / "central"

    @property
    def registrations(self) -> Path:
        """Servers and certificates that were registered after the instance was made."""
        return self.central / "registrations.json"

    @property
    def anchor(self) -> Path:
        """The configuration anchor that all servers get."""
        return self.root / "configuration-anchor.xml"

    @property
    def plan(self) -> Path:
        """What the instance was built with; another plan means building anew."""
        return self.root / PLAN

    @property
    def pin(self) -> Path:
        """The PIN of all tokens, mode 0600. Synthetic, for this sandbox only."""
        return self.root / "token-pin"

    @property
    def village(self) -> Path:
        """The folder of the register and its site."""
        return self.root / "village"

    def server(self, plan: MemberPlan) -> Path:
        """The folder of one Security Server."""
        return self.root / "servers" / plan.server_code.lower()
