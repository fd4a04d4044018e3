"""Hypothesis strategies for parameters, and damage done to good documents."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from kerege.xroad.algorithms import SHA256
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import (
    Anchor,
    AnchorSource,
    ManagementService,
    PrivateParameters,
    SharedParameters,
)
from kerege.xroad.globalconf.values import (
    ACMEServer,
    CAInfo,
    CertHash,
    CertificationService,
    ConfigurationSource,
    CostType,
    GlobalGroup,
    Maintenance,
    Member,
    MemberClass,
    OCSPResponder,
    SecurityServer,
    Subsystem,
    TimestampingService,
)
from kerege.xroad.identifiers import ClientId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")),
    min_size=1,
    max_size=12,
).filter(lambda text: text == text.strip() and text != "")
BLOBS = st.binary(min_size=1, max_size=24)
MAYBE_TEXT = st.none() | TEXT
COSTS = st.none() | st.sampled_from(CostType)
RESPONDERS = st.lists(
    st.builds(OCSPResponder, TEXT, st.none() | BLOBS, COSTS), max_size=2
).map(tuple)
CAS = st.builds(CAInfo, BLOBS, RESPONDERS)
SERVICES = st.builds(
    CertificationService,
    name=TEXT,
    top_ca=CAS,
    certificate_profile=TEXT,
    authentication_only=st.booleans(),
    intermediate_cas=st.lists(CAS, max_size=2).map(tuple),
    csr_format=st.sampled_from([None, "PEM", "DER"]),
    acme_server=st.none()
    | st.builds(ACMEServer, TEXT, MAYBE_TEXT, MAYBE_TEXT, MAYBE_TEXT),
)
CLASSES = st.builds(MemberClass, TEXT, st.just("") | TEXT)
MEMBERS = st.lists(
    st.builds(
        Member,
        CLASSES,
        TEXT,
        TEXT,
        st.lists(
            st.builds(Subsystem, TEXT, MAYBE_TEXT),
            max_size=2,
            unique_by=lambda s: s.code,
        ).map(tuple),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda m: (m.member_class.code, m.code),
).map(tuple)


@st.composite
def shared_parameters(draw: st.DrawFn) -> SharedParameters:
    """Any shared parameters of the newest version."""
    instance = draw(TEXT)
    members = draw(MEMBERS)
    owners = [member.id(instance) for member in members]
    clients: list[ClientId] = owners + [
        member.subsystem_id(instance, subsystem)
        for member in members
        for subsystem in member.subsystems
    ]
    servers = st.builds(
        SecurityServer,
        st.sampled_from(owners),
        TEXT,
        MAYBE_TEXT,
        st.lists(st.builds(CertHash, st.just(SHA256), BLOBS), max_size=2).map(tuple),
        st.lists(st.sampled_from(clients), max_size=3).map(tuple),
        st.none() | st.builds(Maintenance, MAYBE_TEXT),
    )
    groups = st.builds(
        GlobalGroup,
        TEXT,
        TEXT,
        st.lists(st.sampled_from(clients), max_size=3).map(tuple),
    )
    source_certificates = st.lists(BLOBS, max_size=2).map(tuple)
    sources = st.builds(
        ConfigurationSource, TEXT, source_certificates, source_certificates
    )
    return SharedParameters(
        version=6,
        instance=instance,
        ocsp_freshness_seconds=draw(st.integers(1, 2**31 - 1)),
        sources=tuple(draw(st.lists(sources, min_size=1, max_size=2))),
        certification_services=tuple(draw(st.lists(SERVICES, max_size=2))),
        timestamping_services=tuple(
            draw(
                st.lists(
                    st.builds(TimestampingService, TEXT, TEXT, BLOBS, COSTS), max_size=2
                )
            )
        ),
        members=members,
        security_servers=tuple(draw(st.lists(servers, max_size=3))),
        global_groups=tuple(draw(st.lists(groups, max_size=2))),
        member_classes=tuple(draw(st.lists(CLASSES, max_size=2))),
    )


ANCHORS = st.builds(
    Anchor,
    TEXT,
    st.lists(
        st.builds(
            AnchorSource, TEXT, st.lists(BLOBS, min_size=1, max_size=2).map(tuple)
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    st.none()
    | st.integers(0, 32_000_000_000_000).map(
        lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds)
    ),
)
PRIVATE_PARAMETERS = st.builds(
    PrivateParameters,
    TEXT,
    st.builds(
        ManagementService,
        TEXT,
        st.builds(ClientId, TEXT, TEXT, TEXT, MAYBE_TEXT),
        st.none() | BLOBS,
    ),
    st.integers(0, 2**31 - 1),
    st.lists(ANCHORS, max_size=2).map(tuple),
)


def damaged(document: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes at all, or a good document with a piece cut out or put in."""
    places = st.integers(0, len(document))
    pieces = st.binary(max_size=8) | st.sampled_from(
        [b"<", b">", b"&", b"<!DOCTYPE x>", b"<x/>", b"\r\n\r\n", b"--", b"=", b"\xff"]
    )

    def spoil(start: int, length: int, piece: bytes) -> bytes:
        return document[:start] + piece + document[start + length :]

    return st.binary(max_size=64) | st.builds(spoil, places, st.integers(0, 40), pieces)


def code_of(read: Callable[[], object]) -> str:
    """The code of the fault that ``read`` raises, or nothing."""
    try:
        read()
    except XRoadError as refused:
        return refused.code
    return ""
