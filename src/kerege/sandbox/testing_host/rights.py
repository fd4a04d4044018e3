"""Changes of the provider's server while an exchange for tests runs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import (
    Service,
    ServiceType,
    add_service,
    grant,
    revoke,
)
from kerege.sandbox.testing_host.members import Participants
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ServiceId

SERVICE_TIMEOUT_SECONDS = 60


class Rights:
    """Which services there are, and whether the consumer may call them."""

    def __init__(self, database: Database, participants: Participants) -> None:
        """Change the provider's database."""
        self._database = database
        self._provider = participants.provider.clients[0]
        self._consumer = participants.consumer.clients[0]

    def change(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a message says.

        Raises:
            XRoadError: the server refuses it.
            KeyError, ValueError: the message is none.
        """
        service_id = self._service(message["service"], message.get("version"))
        with self._database.write() as connection:
            match message["do"]:
                case "offer":
                    self._offer(connection, service_id, message)
                case "allow":
                    grant(connection, service_id, self._consumer)
                case "deny":
                    revoke(connection, service_id, self._consumer)
                case other:
                    msg = f"There is no command {other!r}"
                    raise ValueError(msg)
        return {"service": service_id.path}

    def _offer(
        self, connection: Connection, service_id: ServiceId, message: Mapping[str, Any]
    ) -> None:
        described = ServiceType.OPENAPI3 if message["description"] else ServiceType.REST
        service = Service(
            service_id,
            ServiceType.WSDL if message["soap"] else described,
            message["url"],
            SERVICE_TIMEOUT_SECONDS,
            verify_tls=False,
            description_url=message["description"],
        )
        add_service(connection, service)
        if message["allowed"]:
            self._allow(connection, service_id)

    def _allow(self, connection: Connection, service_id: ServiceId) -> None:
        """Give the right, which covers all versions: another one may have brought it."""
        try:
            with connection.begin_nested():
                grant(connection, service_id, self._consumer)
        except XRoadError as error:
            if error.code != "duplicate_entry":
                raise

    def _service(self, code: str, version: str | None) -> ServiceId:
        provider = self._provider
        return ServiceId(
            provider.instance,
            provider.member_class,
            provider.member_code,
            provider.subsystem_code or "",
            code,
            version,
        )
