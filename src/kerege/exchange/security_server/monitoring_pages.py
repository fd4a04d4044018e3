"""Operational monitoring for this machine: pages of JSON behind the admin port.

Nobody has to say who they are there, so pages have what logs and metrics have: names
that are known (`known_names`), codes of X-Road's table, the server's own ids; never who
used a service, for whom, or in which case. What the exchange is told by
`getSecurityServerOperationalData` has all of it, for those who may know.

* ``operational-data``: records, oldest first. ``from`` and ``to`` are seconds since
  1970 (the last minute, if left out), ``after`` is the number with which the page
  before ended, ``limit`` bounds the records.
* ``health-data``: the statistics of this server's services.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.messagelog.trouble import reason
from kerege.exchange.opmonitor.policy import MonitoringPolicy
from kerege.exchange.opmonitor.queries import find_after, health
from kerege.exchange.security_server.known_names import KnownNames, told_code, told_id
from kerege.exchange.storage import Database
from kerege.xroad.faults import RelayedFaultError
from kerege.xroad.identifiers import ClientId, ServiceId
from kerege.xroad.opmonitoring import JSON_NAMES, Spread

MAX_RECORDS = 500
"""Of a page: some hundred kilobytes, and some milliseconds of a worker's time."""
SETTLED_SECONDS = 2
"""Younger records are not told: one with a smaller number might still be written."""
RECENT_SECONDS = 60
MAX_NUMBER = 2**63 - 1
MAX_PARAMETERS = 8

TOLD = (
    "monitoring_data_ts",
    "security_server_type",
    "request_in_ts",
    "request_out_ts",
    "response_in_ts",
    "response_out_ts",
    "rest_method",
    "rest_path",
    "message_protocol_version",
    "client_security_server_address",
    "service_security_server_address",
    "request_size",
    "response_size",
    "request_mime_size",
    "request_attachment_count",
    "response_mime_size",
    "response_attachment_count",
    "succeeded",
    "status_code",
    "service_type",
)
"""Columns that are told as they are: times, sizes, and what this server says itself."""


class Page(NamedTuple):
    """An answer: an HTTP status, and JSON."""

    status: int
    content: bytes


class _WrongQueryError(Exception):
    """What is asked cannot be; the message says why."""


class MonitoringPages:
    """Makes pages. Used by one event loop."""

    def __init__(
        self,
        database: Database,
        policy: MonitoringPolicy,
        clock: Callable[[], datetime],
        names: KnownNames,
        started: datetime,
    ) -> None:
        """Read from ``database``, which the caller closes.

        Args:
            database: With the records.
            policy: What is told.
            clock: Tells the time.
            names: Knows which names may be told.
            started: When monitoring began.
        """
        self._database = database
        self._policy = policy
        self._clock = clock
        self._names = names
        self._started = int(started.timestamp() * 1000)

    async def show(self, path: str, query: str) -> Page:
        """Return a page.

        Args:
            path: The last part of its address.
            query: What stands behind the question mark.
        """
        makers = {
            "operational-data": self._operational_data,
            "health-data": self._health_data,
        }
        make = makers.get(path)
        if make is None:
            return _page({"error": "There is no such page"}, 404)
        try:
            return _page(await make(_parameters(query)))
        except _WrongQueryError as error:
            return _page({"error": str(error)}, 400)
        except SQLAlchemyError as error:
            return _page({"error": f"The database refuses: {reason(error)}"}, 503)

    async def _operational_data(self, parameters: dict[str, str]) -> dict[str, Any]:
        now = int(self._clock().timestamp())
        settled = now - SETTLED_SECONDS
        after = _number(parameters, "after", 0)
        first = _number(parameters, "from", 0 if after else now - RECENT_SECONDS)
        last = min(_number(parameters, "to", settled), settled)
        most = _number(parameters, "limit", MAX_RECORDS)
        _require_nothing_else(parameters)
        if not 1 <= most <= MAX_RECORDS:
            message = f"limit is a number from 1 to {MAX_RECORDS}"
            raise _WrongQueryError(message)
        found = await asyncio.to_thread(
            find_after, self._database, after, first, last, most
        )
        return {
            "records": [self._record(values) for _, values in found],
            "after": found[-1][0] if found else after,
            "more": len(found) == most,
        }

    async def _health_data(self, parameters: dict[str, str]) -> dict[str, Any]:
        _require_nothing_else(parameters)
        period = self._policy.health_period_seconds
        since = int(self._clock().timestamp()) - period
        services = await asyncio.to_thread(health, self._database, since, None)
        return {
            "started": self._started,
            "periodSeconds": period,
            "services": [
                {
                    "service": self._names.service(one.service_id),
                    "serviceType": one.service_type,
                    "lastSuccessful": one.last_successful,
                    "lastUnsuccessful": one.last_unsuccessful,
                    "successful": one.successful,
                    "unsuccessful": one.unsuccessful,
                    "durationMilliseconds": _spread(one.duration),
                    "requestBytes": _spread(one.request_size),
                    "responseBytes": _spread(one.response_size),
                }
                for one in services
            ],
        }

    def _record(self, values: Mapping[str, Any]) -> dict[str, Any]:
        told = {JSON_NAMES[name]: values[name] for name in TOLD if name in values}
        told["client"] = self._client(values)
        told["service"] = self._service(values)
        told["xRequestId"] = told_id(values.get("x_request_id", ""))
        if "fault_code" in values:
            told["faultCode"] = told_code(RelayedFaultError(values["fault_code"], ""))
        return told

    def _client(self, values: Mapping[str, Any]) -> str:
        if "client_member_code" not in values:
            return ""
        return self._names.client(ClientId(*_codes(values, "client")))

    def _service(self, values: Mapping[str, Any]) -> str:
        if "service_code" not in values:
            return ""
        service_id = ServiceId(
            *_codes(values, "service"),
            values["service_code"],
            values.get("service_version"),
        )
        return self._names.service(service_id, has_passed=values["succeeded"])


def _codes(values: Mapping[str, Any], whose: str) -> tuple[str, str, str, str | None]:
    return (
        values.get(f"{whose}_xroad_instance", ""),
        values.get(f"{whose}_member_class", ""),
        values.get(f"{whose}_member_code", ""),
        values.get(f"{whose}_subsystem_code"),
    )


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        message = f"More than {MAX_PARAMETERS} parameters"
        raise _WrongQueryError(message) from error
    return dict(pairs)


def _number(parameters: dict[str, str], name: str, default: int) -> int:
    """Take a parameter out."""
    text = parameters.pop(name, None)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        message = f"{name} is a whole number"
        raise _WrongQueryError(message)
    return min(int(text), MAX_NUMBER)


def _require_nothing_else(parameters: Mapping[str, str]) -> None:
    if parameters:
        message = f"Unknown parameter {next(iter(parameters))[:50]!r}"
        raise _WrongQueryError(message)


def _spread(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else asdict(spread)


def _page(content: Mapping[str, Any], status: int = 200) -> Page:
    text = json.dumps(content, ensure_ascii=False)
    return Page(status, text.encode("utf-8", "replace") + b"\n")
