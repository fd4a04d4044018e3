"""Services as their descriptions have them: endpoints come and go, versions stay."""

from dataclasses import replace
from hashlib import sha256

import pytest

from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import (
    DescriptionVersion,
    Endpoint,
    Service,
    ServiceType,
    add_client,
    add_endpoint,
    add_service,
    described_endpoints,
    description_versions,
    descriptions,
    endpoint_changes,
    grant,
    load_server_configuration,
    note_version,
    put_endpoints,
    remove_client,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, ServiceId

REGISTER = ClientId("central-server", "GOV", "70000001", "register")
VILLAGE = ClientId("central-server", "GOV", "70000002", "office")
PEOPLE = ServiceId("central-server", "GOV", "70000001", "register", "people")


@pytest.fixture
def register(database: Database) -> Database:
    """A database with the register and its service."""
    url = "http://127.0.0.1:8000/api"
    service = Service(PEOPLE, ServiceType.OPENAPI3, url, 60, verify_tls=True)
    with database.write() as connection:
        add_client(connection, REGISTER)
        add_service(connection, service)
    return database


def read_at(minute: int, content: bytes, version: str) -> DescriptionVersion:
    digest = sha256(content).digest()
    moment = minute * 60_000
    return DescriptionVersion(
        digest, "OpenAPI 3.0.3", "People", version, moment, moment
    )


def test_a_description_brings_endpoints_and_takes_them_away(register: Database):
    by_hand, old, new = (Endpoint("GET", f"/{n}") for n in ("hand", "old", "new"))
    with register.write() as connection:
        add_endpoint(connection, PEOPLE, by_hand)
        put_endpoints(connection, PEOPLE, [by_hand, old])
        add_endpoint(connection, PEOPLE, Endpoint("PUT", "/mine"))
        for endpoint in (old, by_hand):
            grant(connection, PEOPLE, VILLAGE, endpoint)
        coming = endpoint_changes(connection, PEOPLE, [by_hand, new])
        done = put_endpoints(connection, PEOPLE, [by_hand, new])
        found = described_endpoints(connection, PEOPLE)
    assert coming == done
    assert coming.added == (new,)
    assert [one.endpoint for one in coming.removed] == [old]
    assert coming.lost_rights == 1
    assert [(d.endpoint, d.is_generated, d.rights) for d in found] == [
        (by_hand, True, 1),
        (Endpoint("PUT", "/mine"), False, 0),
        (new, True, 0),
    ]
    loaded = load_server_configuration(register)
    assert loaded.granted_endpoints(VILLAGE, PEOPLE, lambda *_: False) == (by_hand,)


def test_versions_of_a_description_are_remembered(register: Database, monkeypatch):
    url = "http://127.0.0.1/openapi"
    provider = PEOPLE.client_id
    with register.write() as connection:
        first = read_at(1, b"a", "1.0")
        assert note_version(connection, provider, url, first) is None
        assert note_version(connection, provider, url, read_at(2, b"a", "1.0")) is None
        before = note_version(connection, provider, url, read_at(3, b"b", "1.1"))
        assert before == replace(first, last_read=120_000)
        known = description_versions(connection, provider, url)
        assert [one.version for one in known] == ["1.0", "1.1"]
        assert description_versions(connection, provider, url + "2") == ()
        monkeypatch.setattr(descriptions, "MAX_VERSIONS", 2)
        note_version(connection, provider, url, read_at(4, b"c", "1.2"))
        known = description_versions(connection, provider, url)
        assert [one.version for one in known] == ["1.1", "1.2"]
        remove_client(connection, provider)
        with pytest.raises(XRoadError, match="does not exist"):
            description_versions(connection, provider, url)
