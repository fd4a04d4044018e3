"""The sandbox CA that tests share: made once, at a time that does not move."""

from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec

from kerege.trust.ca import SandboxCA
from kerege.trust.key_kinds import KeyKind, generate_key
from kerege.trust.subjects import FIVRK_PROFILE
from kerege.xroad.identifiers import ClientId, SecurityServerId

NOW = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
SERVER = SecurityServerId("central-server", "GOV", "70000001", "SS1")
AIMAK = ClientId("central-server", "GOV", "70000001")
HOSPITAL = ClientId("central-server", "GOV", "70000002")


def new_ca(profile: str = FIVRK_PROFILE) -> SandboxCA:
    """Return a CA for a test that revokes or saves."""
    return SandboxCA.create(
        "central-server", profile=profile, kind=KeyKind.EC_P256, clock=lambda: NOW
    )


@cache
def shared_ca(profile: str = FIVRK_PROFILE) -> SandboxCA:
    """Return a CA that nobody changes but by issuing."""
    return new_ca(profile)


@cache
def leaf_key() -> ec.EllipticCurvePrivateKey:
    """Return a key for certificates of which only the content matters."""
    key = generate_key(KeyKind.EC_P256)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
