"""What the tests of the message log's rows share."""

import io
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from asn1crypto import tsp

from kerege.exchange.messagelog import LogRecord
from kerege.exchange.spool import Spool
from kerege.exchange.storage import Database
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId
from tests.exchange.messagelog.world import World, make_world
from tests.vectors import xroad_path

REST_CLIENT = ClientId("XRD", "Class", "Member", "SubSystem")
BODY = b'"test message body"'


@dataclass
class RecordedTimestamper:
    """Answers every request with the token of a recorded response, or fails."""

    response: bytes
    is_configured: bool = True
    failing: XRoadError | None = None
    stamped: list[bytes] = field(default_factory=list)

    async def stamp(self, data: bytes) -> bytes:
        if self.failing is not None:
            raise self.failing
        self.stamped.append(data)
        answer = tsp.TimeStampResp.load(self.response)
        return bytes(answer["time_stamp_token"].dump())


def world_of(database: Database, folder: Path) -> World:
    world = make_world(database, folder)
    world.timestamper = RecordedTimestamper(vector("tsp.response"))  # type: ignore[assignment]  # the same port
    return world


def rest_record(world: World, query_id: str) -> LogRecord:
    block = (
        b"GET\r\n/r1/XRD/Class/Member/SubSystem/ServiceCode/\r\n"
        b"X-Road-Client:XRD/Class/Member/SubSystem\r\nX-Road-Id:" + query_id.encode()
    )
    return world.record(
        query_id,
        client_id=REST_CLIENT,
        service_id=ServiceId("XRD", "Class", "Member", "SubSystem", "ServiceCode"),
        message=block,
        signature=vector("signature.xml"),
        body=Spool.of(BODY),
    )


def vector(name: str) -> bytes:
    return xroad_path(f"messagelog/{name}").read_bytes()


def with_policy(world: World, **changes: object) -> World:
    return replace(world, policy=replace(world.policy, **changes))  # type: ignore[arg-type]  # by name


def entries(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()
