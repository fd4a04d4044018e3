"""OCSP responses: our own certificates', kept fresh; and those that peers ask for.

A server shows an OCSP response with each of its certificates, so it asks for them
before it needs them (`OcspFetcher`), keeps them over a restart (`OcspStore`), answers
its peers on port 5577 (`answer_ocsp_query`) and asks them there (`fetch_peer_ocsp`).
"""

from kerege.exchange.ocsp.fetcher import (
    CertificateState,
    OcspFetcher,
    OcspSources,
    Schedule,
)
from kerege.exchange.ocsp.history import ResponderHistory
from kerege.exchange.ocsp.http import OcspTransport, http_transport
from kerege.exchange.ocsp.peer import (
    PEER_PATIENCE,
    fetch_peer_ocsp,
    peer_query,
    read_peer_answer,
)
from kerege.exchange.ocsp.query import OcspAnswer, answer_ocsp_query
from kerege.exchange.ocsp.store import OcspStore

__all__ = [
    "PEER_PATIENCE",
    "CertificateState",
    "OcspAnswer",
    "OcspFetcher",
    "OcspSources",
    "OcspStore",
    "OcspTransport",
    "ResponderHistory",
    "Schedule",
    "answer_ocsp_query",
    "fetch_peer_ocsp",
    "http_transport",
    "peer_query",
    "read_peer_answer",
]
