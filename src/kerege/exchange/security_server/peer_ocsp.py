"""OCSP responses of other servers, asked on their port 5577 and remembered.

What is remembered is still verified for every message; a response that no longer
passes is asked for anew.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from cryptography import x509

from kerege.exchange.fetching import Patience
from kerege.exchange.http import ClientPool
from kerege.exchange.ocsp import fetch_peer_ocsp
from kerege.xroad.certificates import certificate_sha256
from kerege.xroad.faults import XRoadError

_log = structlog.get_logger(__name__)

REMEMBERED = 4096
"""Certificates of a national exchange with many servers; about 2 KB each."""
ASK_AGAIN = timedelta(minutes=10)
"""A peer renews its responses within the freshness period, an hour by default; asking
again earlier means that none of ours gets close to its end."""


class PeerOCSP:
    """Asks each server once and remembers."""

    def __init__(self, pool: ClientPool, port: int, timeout_seconds: float) -> None:
        """Ask with ``pool`` on ``port`` of the peers."""
        self._pool = pool
        self._port = port
        self._patience = Patience(timeout_seconds)
        self._known: OrderedDict[bytes, tuple[datetime, bytes]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Lock] = {}
        self._refreshing: asyncio.Task[None] | None = None

    async def responses(
        self, host: str, certificates: tuple[x509.Certificate, ...], at: datetime
    ) -> tuple[bytes, ...]:
        """Return one response for each certificate, unverified.

        Raises:
            XRoadError: ``internal_error`` if the peer does not give them.
        """
        found = self._remembered(certificates, at)
        if found is not None:
            return found
        key = certificate_sha256(certificates[0])
        lock = self._asking.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                found = self._remembered(certificates, at)
                if found is not None:
                    return found
                return await self._ask(host, certificates, at)
        finally:
            if not lock.locked():
                self._asking.pop(key, None)

    def known(
        self, host: str, certificates: tuple[x509.Certificate, ...], at: datetime
    ) -> tuple[bytes, ...]:
        """Return what is remembered, whatever its age; may be incomplete.

        What is old is asked for in the background, so that a connection that is kept
        for hours never meets its end.
        """
        found = [self._known.get(certificate_sha256(c)) for c in certificates]
        present = [entry for entry in found if entry is not None]
        is_old = any(abs(at - asked) > ASK_AGAIN for asked, _ in present)
        if is_old and self._refreshing is None:
            work = self._refresh(host, certificates, at)
            self._refreshing = asyncio.get_running_loop().create_task(work)
        return tuple(response for _, response in present)

    async def _refresh(
        self, host: str, certificates: tuple[x509.Certificate, ...], at: datetime
    ) -> None:
        try:
            await self.responses(host, certificates, at)
        except XRoadError as error:
            _log.warning("peer's OCSP responses not renewed", reason=error.message)
        finally:
            self._refreshing = None

    def forget(self, certificates: Sequence[x509.Certificate]) -> None:
        """Ask for these again next time."""
        for certificate in certificates:
            self._known.pop(certificate_sha256(certificate), None)

    def _remembered(
        self, certificates: Sequence[x509.Certificate], at: datetime
    ) -> tuple[bytes, ...] | None:
        responses: list[bytes] = []
        for certificate in certificates:
            known = self._known.get(certificate_sha256(certificate))
            if known is None or abs(at - known[0]) > ASK_AGAIN:
                return None
            responses.append(known[1])
        return tuple(responses)

    async def _ask(
        self, host: str, certificates: tuple[x509.Certificate, ...], at: datetime
    ) -> tuple[bytes, ...]:
        responses = await fetch_peer_ocsp(
            self._pool, host, self._port, certificates, patience=self._patience
        )
        for certificate, response in zip(certificates, responses, strict=True):
            self._known[certificate_sha256(certificate)] = (at, response)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return responses
