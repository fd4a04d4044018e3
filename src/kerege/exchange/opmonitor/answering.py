"""Answering the three monitoring services of a server's owner.

Rules (``OpMonitoringServiceHandlerImpl.java``, ``OperationalDataRequestHandler.java``,
``ProxyMonitorServiceHandlerImpl.java``):

* The provider is the server's owner, a member without subsystem. No access right is
  looked for; a message is verified and logged as any other.
* Records: the owner, if the request names this server, and the central monitoring
  client see all; others what they have a part in.
* Health data: whoever asks. Of services that this server provides, or that have
  answered: what was asked for in vain may be a personal code in a service code's place,
  or hold characters that no XML can. The reference tells of those too.
* Metrics: the owner and the central monitoring client; others get ``access_denied``.

The reference takes the server's owner from the header ``securityServer`` of the
request, whichever server that names. Here it must name this one: else a member with a
server of its own could name that, and see everything.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.opmonitor.queries import Question, find, health
from kerege.exchange.storage import Database
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.opmonitoring import (
    HEALTH_DATA,
    METRICS,
    OPERATIONAL_DATA,
    HealthData,
    MetricSet,
    MonitoringAnswer,
    chosen,
    health_data_answer,
    metrics_answer,
    operational_data_answer,
    read_health_data_request,
    read_metrics_request,
    read_operational_data_request,
    require_available,
)

CONCURRENT = 2
"""Answers made at one time in a process: each reads up to ten thousand records."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what."""

    client: ClientId
    service: ServiceId
    server: SecurityServerId | None
    """The header ``securityServer``."""
    content: bytes
    """The SOAP message."""


@dataclass(frozen=True, slots=True)
class About:
    """What the services know of their server."""

    server_id: SecurityServerId
    started: datetime
    """When monitoring began."""
    proxy_version: str
    """Of the protocol that it speaks."""
    clock: Callable[[], datetime]
    monitoring_client: Callable[[], ClientId | None]
    """Whom the global configuration lets see everything."""
    system_metrics: Callable[[bool], MetricSet]
    """Measures the machine, in a thread; is told whether the owner asks."""
    is_provided: Callable[[ServiceId], bool]
    """Whether a service is one of this server's."""


class MonitoringServices:
    """The monitoring services of one server."""

    def __init__(
        self, database: Database, policy: MonitoringPolicy, about: About
    ) -> None:
        """Answer nothing yet.

        Args:
            database: With the records; the caller closes it.
            policy: What is told.
            about: The server.
        """
        self._database = database
        self._policy = policy
        self._about = about
        self._turn = asyncio.Semaphore(CONCURRENT)

    def provide(self, service: ServiceId) -> bool:
        """Whether a service is one of these."""
        if service.client_id != self._about.server_id.owner:
            return False
        if service.service_code == METRICS:
            return not service.service_version
        return service.service_code in (OPERATIONAL_DATA, HEALTH_DATA)

    async def answer(self, asking: Asking) -> MonitoringAnswer:
        """Answer a request that was verified.

        Raises:
            XRoadError: ``client.invalid_request``, ``access_denied``,
                ``internal_error`` for a service that is none of these.
        """
        makers = {
            OPERATIONAL_DATA: self._operational_data,
            HEALTH_DATA: self._health_data,
            METRICS: self._metrics,
        }
        make = makers.get(asking.service.service_code)
        if make is None or not self.provide(asking.service):
            raise XRoadError("internal_error", f"Unknown service: {asking.service}")
        async with self._turn:
            return await asyncio.to_thread(make, asking)

    def require_allowed(self, asking: Asking) -> None:
        """Check who asks, before anything else is done.

        Raises:
            XRoadError: ``access_denied``.
        """
        if asking.service.service_code == METRICS and not (
            self._is_owner(asking.client) or self._is_monitoring_client(asking.client)
        ):
            raise XRoadError(
                "access_denied", f"Request is not allowed: {asking.service}"
            )

    def _operational_data(self, asking: Asking) -> MonitoringAnswer:
        request = read_operational_data_request(asking.content)
        available_before = (
            int(self._about.clock().timestamp()) - self._policy.offset_seconds
        )
        require_available(request, available_before)
        last = min(request.records_to, available_before - 1)
        found = find(
            self._database,
            Question(
                request.records_from,
                last,
                client=None if self._sees_everything(asking) else asking.client,
                provider=request.provider,
                fields=request.output_fields,
                most=self._policy.max_records,
            ),
        )
        next_from = found.next_from
        if next_from is None and last < request.records_to:
            next_from = available_before
        return operational_data_answer(found.count, found.payload_gzip, next_from)

    def _health_data(self, asking: Asking) -> MonitoringAnswer:
        request = read_health_data_request(asking.content)
        period = self._policy.health_period_seconds
        since = int(self._about.clock().timestamp()) - period
        services = tuple(
            one
            for one in health(self._database, since, request.provider)
            if one.last_successful is not None
            or self._about.is_provided(one.service_id)
        )
        started = int(self._about.started.timestamp() * 1000)
        return health_data_answer(HealthData(started, period, services))

    def _metrics(self, asking: Asking) -> MonitoringAnswer:
        self.require_allowed(asking)
        names = read_metrics_request(asking.content).names
        metrics = self._about.system_metrics(self._is_owner(asking.client))
        return metrics_answer(
            self._about.server_id, self._about.proxy_version, chosen(metrics, names)
        )

    def _sees_everything(self, asking: Asking) -> bool:
        return self._is_monitoring_client(asking.client) or (
            self._is_owner(asking.client) and asking.server == self._about.server_id
        )

    def _is_owner(self, client: ClientId) -> bool:
        return client == self._about.server_id.owner

    def _is_monitoring_client(self, client: ClientId) -> bool:
        return client == self._about.monitoring_client()
