"""Peers: do the other servers of the instance answer, as who they are registered?

Who may call whom is only known at the provider's side, so every server of the instance
may be one that is called from here; the first are asked, up to a bound.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509

from kerege.exchange.doctor.asking import NotAnsweredError
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.shaking_hands import (
    NoTlsError,
    shown_certificates,
    stranger,
)
from kerege.exchange.doctor.token import short_id
from kerege.exchange.doctor.words import listed
from kerege.exchange.fetching import Patience
from kerege.exchange.http import ClientPool
from kerege.exchange.ocsp import fetch_peer_ocsp
from kerege.xroad.certificates import verify_chain
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import SecurityServerId

AT_ONCE = 40
"""Servers asked at the same time."""
LEAST_FOR_ALL = 2
"""Servers that must all be away before this side is suspected."""

UNREACHABLE = Code(
    "D-PEER-UNREACHABLE",
    Severity.WARNING,
    "Another server does not answer on its message port.",
    "Calls to the services there fail with `network_error`.",
    "Most likely it is down: tell its operator. Else look at the firewalls between here "
    "and there.",
)
ALL_UNREACHABLE = Code(
    "D-PEERS-UNREACHABLE",
    Severity.ERROR,
    "None of the other servers answers.",
    "All calls from here fail with `network_error`.",
    "It is most likely this side: does the firewall let this machine out to the message "
    "port (5500) and the OCSP port (5577) of others? Does the name server work?",
)
CERTIFICATE = Code(
    "D-PEER-CERTIFICATE",
    Severity.WARNING,
    "What answers at another server's address does not show that server's certificate.",
    "Calls to the services there fail with `ssl_authentication_failed`.",
    "The other server may have a new certificate that is not registered yet, or its "
    "address leads elsewhere: tell its operator.",
)
OCSP = Code(
    "D-PEER-OCSP",
    Severity.WARNING,
    "Another server gives no valid OCSP responses of its certificate.",
    "Calls to the services there fail with `ssl_authentication_failed`.",
    "Is its OCSP port (5577) reachable from here? Else its operator must see why it has "
    "no responses.",
)


@dataclass(frozen=True, slots=True)
class _Peer:
    """Another server."""

    server: SecurityServerId
    address: str


async def look_at_peers(examination: Examination) -> Iterable[Finding]:
    """Ask the other servers of the instance."""
    conf = await examination.configuration.known()
    if conf is None:
        return [skipped("there is no global configuration")]
    peers = _peers(conf, examination.settings.server_id)
    asked = peers[: examination.limits.peers]
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(peer: _Peer) -> Finding | None:
        async with gate:
            return await _look(examination, conf, peer)

    found = [f for f in await asyncio.gather(*map(look, asked)) if f is not None]
    away = [f for f in found if f.code == UNREACHABLE.name]
    if len(away) == len(asked) >= LEAST_FOR_ALL:
        said = f"None of {len(away)} answers: {listed([f.subject for f in away])}."
        return [ALL_UNREACHABLE.at("the other servers", said)]
    left = f" of {len(peers)}" if len(peers) > len(asked) else ""
    return found or [good(f"{len(asked)}{left} other servers answer")]


def _peers(conf: GlobalConf, own: SecurityServerId) -> list[_Peer]:
    return [
        _Peer(server, address)
        for server in conf.security_servers(conf.instance)
        if server != own
        and conf.maintenance_of(server) is None
        and (address := conf.server_address(server))
    ]


async def _look(
    examination: Examination, conf: GlobalConf, peer: _Peer
) -> Finding | None:
    port = examination.settings.peers.port
    seconds = examination.limits.request_seconds
    subject = f"server {peer.server.short} at {peer.address}"
    try:
        shown = await shown_certificates(peer.address, port, seconds, stranger())
    except NotAnsweredError as error:
        return UNREACHABLE.at(subject, f"Port {port} does not answer: {error}.")
    except NoTlsError as error:
        said = f"Port {port} does not speak TLS as a security server: {error}."
        return CERTIFICATE.at(subject, said)
    if not shown or conf.server_of_auth_certificate(shown[0]) != peer.server:
        which = f"certificate {short_id(shown[0])}" if shown else "no certificate"
        said = f"It shows {which}, which is not registered for it."
        return CERTIFICATE.at(subject, said)
    return await _ocsp(examination, conf, peer, shown)


async def _ocsp(
    examination: Examination,
    conf: GlobalConf,
    peer: _Peer,
    shown: Sequence[x509.Certificate],
) -> Finding | None:
    chain = conf.chain_of(shown[0], conf.instance)
    tops = [authority.top for authority in conf.trust(conf.instance).authorities]
    wanted = [certificate for certificate in chain if certificate not in tops]
    try:
        async with ClientPool() as pool:
            responses = await fetch_peer_ocsp(
                pool,
                peer.address,
                examination.settings.peers.ocsp_port,
                wanted,
                patience=Patience(examination.limits.request_seconds),
            )
        verify_chain(
            shown[0],
            extra=shown[1:],
            trust=conf.trust(conf.instance),
            ocsp_responses=responses,
            at=examination.clock(),
        )
    except XRoadError as error:
        subject = f"server {peer.server.short} at {peer.address}"
        return OCSP.at(subject, f"{error.message}.")
    return None


CHECKS = (
    Check(
        "other servers",
        look_at_peers,
        (UNREACHABLE, ALL_UNREACHABLE, CERTIFICATE, OCSP),
    ),
)
