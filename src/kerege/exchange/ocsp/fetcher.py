"""Keeps OCSP responses for a server's own certificates.

Rules:

* Asked for: the server's authentication and signing certificates and the intermediate
  CAs above them; not the root.
* Each responder of the issuer is asked in turn, in the order of the global
  configuration; only a response that verifies counts.
* A new response is fetched after the instance's fetch interval (1200 s unless the
  global configuration says otherwise), and in any case when half of the old one's time
  has passed.
* After a failure: again in 60 s (`signer.ocsp-retry-delay`); the old response stays in
  use while it is valid. Only a responder that says *revoked* ends it at once.
* Responses are on disk; after a restart they are verified again before use.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kerege.exchange.ocsp.history import ResponderHistory
from kerege.exchange.ocsp.http import OcspTransport
from kerege.exchange.ocsp.store import OcspStore
from kerege.xroad.addresses import shown
from kerege.xroad.certificates import Trust, certificate_sha256
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf.extensions import Extensions
from kerege.xroad.ocsp import (
    OcspStatus,
    ocsp_request,
    read_ocsp_response,
    verify_ocsp_response,
)
from kerege.xroad.x509 import name_keys, subject_text

MAX_CHAIN = 8
"""Certificates from a leaf upwards; a loop of names would never end."""
MAX_AT_ONCE = 4
"""Responders asked at the same time."""
ADOPT_SECONDS = 3.0
"""How often a process that does not fetch looks at the disk."""

_log = structlog.get_logger(__name__)


class OcspSources(Protocol):
    """What is asked of the global configuration; `GlobalConf` has it."""

    @property
    def instance(self) -> str:
        """The own instance."""

    @property
    def extensions(self) -> Extensions:
        """Has the fetch interval."""

    def trust(self, instance: str) -> Trust:
        """Return whom an instance trusts."""

    def issuer_of(self, certificate: x509.Certificate) -> x509.Certificate:
        """Return the CA that issued a certificate. Raises XRoadError."""

    def ocsp_urls_for(self, certificate: x509.Certificate) -> tuple[str, ...]:
        """Return where the status of a certificate can be asked."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When responses are asked for."""

    retry: timedelta = timedelta(seconds=60)
    """After a failure; also the longest time until changed settings are noticed."""
    shortest: timedelta = timedelta(seconds=10)
    """Never more often than this, however short responses live."""


@dataclass(frozen=True, slots=True)
class CertificateState:
    """How things stand with one certificate, for operators."""

    certificate: x509.Certificate
    valid_until: datetime | None
    """End of the response in use; None if there is none."""
    next_attempt: datetime
    problem: str = ""
    """Why the last attempt failed; empty if it did not."""
    issued: datetime | None = None
    """When the response in use was issued."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A response that was verified."""

    response: bytes
    status: OcspStatus


@dataclass(slots=True)
class _Entry:
    certificate: x509.Certificate
    due: datetime
    held: _Held | None = None
    trust: Trust | None = None
    """With which ``held`` was verified."""
    problem: str = ""


@dataclass(slots=True)
class OcspFetcher:
    """Keeps responses; `run` it in a task of the server.

    Files are read and written in the event loop: a few KiB each, at the start and
    then every some minutes, and never waited for by `fsync`.
    """

    sources: Callable[[], OcspSources]
    """The current global configuration; may raise XRoadError while there is none."""
    certificates: Callable[[], Iterable[x509.Certificate]]
    """The server's own certificates, without CAs."""
    transport: OcspTransport
    store: OcspStore
    clock: Callable[[], datetime]
    schedule: Schedule = field(default_factory=Schedule)
    history: ResponderHistory | None = None
    """Counts what responders do, for `kerege doctor`."""
    _entries: dict[bytes, _Entry] = field(init=False, default_factory=dict)
    _by_hash: Mapping[bytes, _Entry] = field(init=False, default_factory=dict)

    def responses_for(self, certificate: x509.Certificate) -> bytes | None:
        """Return the response for one of our certificates, if a valid one is there."""
        return self.response_by_hash(certificate_sha256(certificate))

    def response_by_hash(self, digest: bytes) -> bytes | None:
        """Return the response for the certificate with this SHA-1 or SHA-256."""
        entry = self._by_hash.get(digest)
        held = entry.held if entry else None
        if held is None or held.status.valid_until < self.clock():
            return None
        return held.response

    def states(self) -> tuple[CertificateState, ...]:
        """Return how things stand, for operators."""
        return tuple(
            CertificateState(
                entry.certificate,
                entry.held.status.valid_until if entry.held else None,
                entry.due,
                entry.problem,
                entry.held.status.this_update if entry.held else None,
            )
            for entry in self._entries.values()
        )

    async def run(self) -> None:
        """Keep the responses fresh until cancelled."""
        while True:
            try:
                await self.refresh()
            except Exception:  # noqa: BLE001 - a bug must not end the job
                _log.exception("ocsp_not_renewed")
            await asyncio.sleep(self._pause_seconds())

    async def refresh(self) -> None:
        """Ask for what is due. Never raises for what a responder or a disk does."""
        try:
            sources = self.sources()
            trust = sources.trust(sources.instance)
        except XRoadError as error:
            _log.warning("ocsp_without_configuration", reason=str(error))
            return
        self._follow(sources, trust)
        due = self._due(sources)
        gate = asyncio.Semaphore(MAX_AT_ONCE)

        async def renew(entry: _Entry) -> None:
            async with gate:
                await self._renew(entry, sources, trust)

        async with asyncio.TaskGroup() as tasks:
            for entry in due:
                tasks.create_task(renew(entry))
        if due and self.history is not None:
            try:
                self.history.save()
            except OSError as error:
                _log.warning("ocsp_not_kept", reason=str(error))

    async def adopt(self) -> None:
        """Take over what another process of this server has fetched and kept.

        Never raises for what is on the disk. A response that the other one has
        forgotten, since its certificate was revoked, is forgotten here too.
        """
        try:
            sources = self.sources()
            trust = sources.trust(sources.instance)
        except XRoadError as error:
            _log.warning("ocsp_without_configuration", reason=str(error))
            return
        self._follow(sources, trust)
        for digest, entry in self._entries.items():
            response = self.store.load(digest)
            if response is not None:
                self._adopt(entry, response, sources, trust)
            elif self.store.is_there:
                entry.held = None

    async def run_following(self) -> None:
        """Adopt again and again, until cancelled."""
        while True:
            await asyncio.sleep(ADOPT_SECONDS)
            try:
                await self.adopt()
            except Exception:  # noqa: BLE001 - a bug must not end the job
                _log.exception("ocsp_not_renewed")

    def _adopt(
        self, entry: _Entry, response: bytes, sources: OcspSources, trust: Trust
    ) -> None:
        if entry.held is not None and entry.held.response == response:
            return
        try:
            status = _verified(entry, response, sources, trust, self.clock())
        except XRoadError:
            return  # the other one will fetch a better one
        entry.held = _Held(response, status)
        entry.problem = ""
        entry.due = self._due_after(status, sources)

    def _due(self, sources: OcspSources) -> list[_Entry]:
        """Return what is to be asked for now.

        A time that lies too far ahead was set by a clock that has been set back since.
        """
        now = self.clock()
        interval = timedelta(seconds=sources.extensions.ocsp_fetch_interval_seconds)
        latest = now + max(interval, self.schedule.retry, self.schedule.shortest)
        entries = self._entries.values()
        return [entry for entry in entries if not now < entry.due <= latest]

    def _pause_seconds(self) -> float:
        now = self.clock()
        until_due = [entry.due - now for entry in self._entries.values()]
        pause = min([self.schedule.retry, *until_due])
        return max(pause, self.schedule.shortest).total_seconds()

    def _follow(self, sources: OcspSources, trust: Trust) -> None:
        """Make the entries those of the certificates that there are now."""
        wanted = {
            certificate_sha256(one): one
            for leaf in self.certificates()
            for one in _without_root(leaf, sources)
        }
        entries = {}
        for digest, certificate in wanted.items():
            entry = self._entries.get(digest) or _Entry(certificate, self.clock())
            if entry.trust is not trust:
                old = entry.held.response if entry.held else self.store.load(digest)
                self._verify_again(entry, old, sources, trust)
            entries[digest] = entry
        self._entries = entries
        by_sha1 = {
            entry.certificate.fingerprint(hashes.SHA1()): entry  # noqa: S303 - protocol
            for entry in entries.values()
        }
        self._by_hash = by_sha1 | entries

    def _verify_again(
        self, entry: _Entry, response: bytes | None, sources: OcspSources, trust: Trust
    ) -> None:
        """Judge an old response by a new trust; drop it if it does not pass."""
        entry.trust = trust
        if response is None:
            return
        try:
            status = _verified(entry, response, sources, trust, self.clock())
        except XRoadError:
            entry.held = None
            entry.due = self.clock()
            return
        if entry.held is None:  # from the disk
            entry.due = self._due_after(status, sources)
        entry.held = _Held(response, status)

    async def _renew(self, entry: _Entry, sources: OcspSources, trust: Trust) -> None:
        problems = []
        for url in sources.ocsp_urls_for(entry.certificate):
            response = b""
            try:
                issuer = sources.issuer_of(entry.certificate)
                request = ocsp_request(entry.certificate, issuer)
                response = await self._ask(url, request)
                status = _verified(entry, response, sources, trust, self.clock())
            except XRoadError as error:
                problems.append(f"{shown(url)}: {error}")
                if error.code == "cert_validation" and _says_revoked(response):
                    self._drop(entry)
                    break
            else:
                self._accept(entry, _Held(response, status), sources)
                return
        entry.problem = "; ".join(problems) or "no OCSP responder is configured"
        entry.due = self.clock() + self.schedule.retry
        _log.warning(
            "ocsp_not_renewed",
            certificate=subject_text(entry.certificate),
            reason=entry.problem,
            valid_until=entry.held.status.valid_until if entry.held else None,
        )

    async def _ask(self, url: str, request: bytes) -> bytes:
        started = time.monotonic()
        answered = False
        try:
            response = await self.transport(url, request)
            answered = True
        finally:
            if self.history is not None:
                seconds = time.monotonic() - started
                self.history.note(url, seconds, answered=answered)
        return response

    def _accept(self, entry: _Entry, held: _Held, sources: OcspSources) -> None:
        entry.held = held
        entry.problem = ""
        entry.due = self._due_after(held.status, sources)
        try:
            self.store.save(certificate_sha256(entry.certificate), held.response)
        except OSError as error:
            _log.warning("ocsp_not_kept", reason=str(error))

    def _drop(self, entry: _Entry) -> None:
        entry.held = None
        try:
            self.store.forget(certificate_sha256(entry.certificate))
        except OSError as error:
            _log.warning("ocsp_not_forgotten", reason=str(error))

    def _due_after(self, status: OcspStatus, sources: OcspSources) -> datetime:
        now = self.clock()
        interval = timedelta(seconds=sources.extensions.ocsp_fetch_interval_seconds)
        half = (status.valid_until - now) / 2
        return now + max(min(interval, half), self.schedule.shortest)


def _verified(
    entry: _Entry,
    response: bytes,
    sources: OcspSources,
    trust: Trust,
    at: datetime,
) -> OcspStatus:
    return verify_ocsp_response(
        response,
        certificate=entry.certificate,
        issuer=sources.issuer_of(entry.certificate),
        trust=trust,
        at=at,
    )


def _says_revoked(response: bytes) -> bool:
    return read_ocsp_response(response).status == "REVOKED"


def _without_root(
    leaf: x509.Certificate, sources: OcspSources
) -> Iterator[x509.Certificate]:
    """Yield a certificate and the CAs above it, as far as they are known."""
    current = leaf
    for _ in range(MAX_CHAIN):
        subject, issuer = name_keys(current)
        if subject == issuer:
            return
        yield current
        try:
            current = sources.issuer_of(current)
        except XRoadError:
            return
