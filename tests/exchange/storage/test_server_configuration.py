"""A village office and a ministry: who is served, and who may call what."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kerege.exchange.storage import Database
from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    ClientStatus,
    ConnectionType,
    Endpoint,
    ServerConfiguration,
    Service,
    ServiceType,
    TimestampingService,
    add_client,
    add_client_certificate,
    add_endpoint,
    add_local_group,
    add_local_group_member,
    add_service,
    add_timestamping_service,
    change_client,
    change_service,
    grant,
    load_server_configuration,
    remove_client,
    remove_client_certificate,
    remove_endpoint,
    remove_local_group,
    remove_local_group_member,
    remove_service,
    remove_timestamping_service,
    revoke,
    set_setting,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, GlobalGroupId, LocalGroupId, ServiceId

REGISTER = ClientId("central-server", "GOV", "70000001", "register")
VILLAGE = ClientId("central-server", "GOV", "70000002", "айыл өкмөтү")
MINISTRY = ClientId("central-server", "GOV", "70000003")
PEOPLE = ServiceId("central-server", "GOV", "70000001", "register", "people")
OFFICES = GlobalGroupId("central-server", "offices")


def service(service_id: ServiceId = PEOPLE, **changes: object) -> Service:
    fields: dict[str, object] = {
        "service_id": service_id,
        "type": ServiceType.REST,
        "url": "http://127.0.0.1:8000/api",
        "timeout_seconds": 60,
        "verify_tls": True,
    }
    return Service(**(fields | changes))  # type: ignore[arg-type]  # fields by name


def nobody(_client: ClientId, _group: GlobalGroupId) -> bool:
    return False


def everybody(_client: ClientId, _group: GlobalGroupId) -> bool:
    return True


@pytest.fixture
def register(database: Database) -> Database:
    """A database with the register and its service, and no rights."""
    with database.write() as connection:
        add_client(connection, REGISTER, status=ClientStatus.REGISTERED)
        add_service(connection, service())
    return database


def do(database: Database, step: Callable[..., None], *arguments: object) -> None:
    with database.write() as connection:
        step(connection, *arguments)


def allowed(
    configuration: ServerConfiguration,
    client: ClientId,
    method: str | None = "GET",
    path: str | None = "/",
) -> bool:
    return configuration.is_allowed(client, PEOPLE, method, path, nobody)


def test_clients_come_back_as_they_were_added(database: Database):
    with database.write() as connection:
        add_client(connection, VILLAGE, connection_type=ConnectionType.HTTP)
        add_client(connection, MINISTRY, status=ClientStatus.REGISTERED)

    loaded = load_server_configuration(database)

    village = loaded.client(VILLAGE)
    assert village is not None
    assert village.connection is ConnectionType.HTTP
    assert village.status is ClientStatus.SAVED
    ministry = loaded.client(MINISTRY)
    assert ministry is not None
    assert ministry.connection is ConnectionType.HTTPS_AUTH
    assert loaded.client(REGISTER) is None


def test_a_client_is_added_once_and_a_member_is_not_its_subsystem(database: Database):
    do(database, add_client, MINISTRY)
    do(database, add_client, ClientId("central-server", "GOV", "70000003", "sub"))

    with pytest.raises(XRoadError, match="duplicate_entry"):
        do(database, add_client, MINISTRY)
    assert len(load_server_configuration(database).clients) == 2


@pytest.mark.parametrize("code", ["a/b", "a:b", "", "x" * 256, "a\tb"])
def test_codes_that_break_identifiers_are_refused(database: Database, code: str):
    with pytest.raises(XRoadError, match="invalid_characters"):
        do(database, add_client, ClientId("central-server", "GOV", code))


def test_a_client_can_be_changed(database: Database):
    do(database, add_client, MINISTRY)
    with database.write() as connection:
        change_client(connection, MINISTRY, connection_type=ConnectionType.HTTP)
        change_client(connection, MINISTRY, status=ClientStatus.REGISTERED)
        change_client(connection, MINISTRY)

    changed = load_server_configuration(database).client(MINISTRY)
    assert changed is not None
    assert changed.connection is ConnectionType.HTTP
    assert changed.status is ClientStatus.REGISTERED
    with pytest.raises(XRoadError, match="not_found"):
        do(database, change_client, VILLAGE)


def test_removing_a_client_takes_what_is_its_own_along(register: Database):
    with register.write() as connection:
        add_local_group(connection, REGISTER, "clerks")
        add_local_group_member(connection, REGISTER, "clerks", VILLAGE)
        grant(connection, PEOPLE, VILLAGE)
        remove_client(connection, REGISTER)

    loaded = load_server_configuration(register)
    assert not loaded.clients
    assert not loaded.services
    assert not loaded.endpoints
    assert not loaded.access_rights
    assert not loaded.local_groups


def certificate(name: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, SHA256())


def test_a_clients_certificates_are_kept_and_removed_by_their_digest(
    register: Database,
):
    one, two = certificate("one"), certificate("two")
    do(register, add_client_certificate, REGISTER, one)
    do(register, add_client_certificate, REGISTER, two)
    with pytest.raises(XRoadError, match="duplicate_entry"):
        do(register, add_client_certificate, REGISTER, one)
    do(register, remove_client_certificate, REGISTER, one.fingerprint(SHA256()))

    client = load_server_configuration(register).client(REGISTER)
    assert client is not None
    assert client.certificates == (two.public_bytes(Encoding.DER),)
    with pytest.raises(XRoadError, match="not_found"):
        do(register, remove_client_certificate, REGISTER, one.fingerprint(SHA256()))


def test_a_service_comes_back_as_it_was_added_and_changed(register: Database):
    assert load_server_configuration(register).service(PEOPLE) == service()

    changed = service(
        type=ServiceType.OPENAPI3,
        description_url="https://127.0.0.1/openapi.yaml",
        timeout_seconds=5,
        verify_tls=False,
        disabled_notice="Көчүп жатабыз",
    )
    do(register, change_service, changed)

    loaded = load_server_configuration(register)
    assert loaded.service(PEOPLE) == changed
    assert loaded.services_of(REGISTER) == (changed,)
    assert loaded.services_of(VILLAGE) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": "ftp://host/"}, "invalid_url"),
        ({"url": "http://"}, "invalid_url"),
        ({"url": "http://host:99999/"}, "invalid_url"),
        ({"url": "http://[::1/"}, "invalid_url"),
        ({"url": "http://host/a\nb"}, "invalid_url"),
        ({"url": "http://host/" + "a" * 2048}, "invalid_url"),
        ({"description_url": "nonsense"}, "invalid_url"),
        ({"timeout_seconds": 0}, "validation_error"),
        ({"timeout_seconds": 3601}, "validation_error"),
        ({"service_id": ServiceId("X", "GOV", "1", "s", "a")}, "not_found"),
        ({}, "duplicate_entry"),
    ],
)
def test_a_service_that_cannot_work_is_refused(
    register: Database, changes: dict[str, object], code: str
):
    with pytest.raises(XRoadError) as caught:
        do(register, add_service, service(**changes))
    assert caught.value.code == code


def test_a_service_that_is_not_there_cannot_be_changed(register: Database):
    unknown = ServiceId("central-server", "GOV", "70000001", "register", "unknown")
    for step in (
        lambda c: change_service(c, service(unknown)),
        lambda c: remove_service(c, unknown),
        lambda c: add_endpoint(c, unknown, Endpoint("GET", "/")),
    ):
        with pytest.raises(XRoadError, match="service_not_found"):
            do(register, step)


def test_nothing_is_allowed_unless_it_was_granted(register: Database):
    assert not allowed(load_server_configuration(register), VILLAGE)

    do(register, grant, PEOPLE, VILLAGE)
    loaded = load_server_configuration(register)
    assert allowed(loaded, VILLAGE)
    assert allowed(loaded, VILLAGE, None, None)
    assert not allowed(loaded, MINISTRY)

    do(register, revoke, PEOPLE, VILLAGE)
    assert not allowed(load_server_configuration(register), VILLAGE)


def test_a_right_of_a_member_is_not_one_of_its_subsystems(register: Database):
    do(register, grant, PEOPLE, MINISTRY)
    loaded = load_server_configuration(register)

    assert allowed(loaded, MINISTRY)
    assert not allowed(loaded, ClientId("central-server", "GOV", "70000003", "sub"))


def test_a_right_on_an_endpoint_covers_its_method_and_path_only(register: Database):
    with register.write() as connection:
        add_endpoint(connection, PEOPLE, Endpoint("GET", "/people/*"))
        grant(connection, PEOPLE, VILLAGE, Endpoint("GET", "/people/*"))
    loaded = load_server_configuration(register)

    assert allowed(loaded, VILLAGE, "GET", "/people/1")
    assert allowed(loaded, VILLAGE, "get", "/people/1")
    assert not allowed(loaded, VILLAGE, "POST", "/people/1")
    assert not allowed(loaded, VILLAGE, "GET", "/people/1/family")
    assert not allowed(loaded, VILLAGE, "GET", "/people/1/../../secret")
    assert not allowed(loaded, VILLAGE, "GET", "/people/%zz")
    assert not allowed(loaded, VILLAGE, None, None), "SOAP needs the whole service"
    assert loaded.endpoints_of(PEOPLE) == (Endpoint("GET", "/people/*"),)
    assert loaded.granted_endpoints(VILLAGE, PEOPLE, nobody) == (
        Endpoint("GET", "/people/*"),
    )


def test_rights_hold_for_all_versions_of_a_service_until_the_last_is_gone(
    register: Database,
):
    second = ServiceId("central-server", "GOV", "70000001", "register", "people", "v2")
    do(register, add_service, service(second))
    do(register, grant, PEOPLE, VILLAGE)

    do(register, remove_service, PEOPLE)
    loaded = load_server_configuration(register)
    assert loaded.is_allowed(VILLAGE, second, "GET", "/", nobody)

    do(register, remove_service, second)
    do(register, add_service, service())
    assert not allowed(load_server_configuration(register), VILLAGE)


def test_a_global_group_is_asked_of_the_global_configuration(register: Database):
    do(register, grant, PEOPLE, OFFICES)
    loaded = load_server_configuration(register)
    asked = []

    def ask(client: ClientId, group: GlobalGroupId) -> bool:
        asked.append((client, group))
        return client == VILLAGE

    assert loaded.is_allowed(VILLAGE, PEOPLE, "GET", "/", ask)
    assert not loaded.is_allowed(MINISTRY, PEOPLE, "GET", "/", ask)
    assert asked == [(VILLAGE, OFFICES), (MINISTRY, OFFICES)]
    assert loaded.granted_endpoints(VILLAGE, PEOPLE, ask) == (WHOLE_SERVICE,)
    assert loaded.granted_endpoints(MINISTRY, PEOPLE, ask) == ()


def test_a_local_group_gives_its_members_rights_while_they_are_in_it(
    register: Database,
):
    with register.write() as connection:
        add_local_group(connection, REGISTER, "clerks", "Айыл катчылары")
        add_local_group_member(connection, REGISTER, "clerks", VILLAGE)
        grant(connection, PEOPLE, LocalGroupId("clerks"))
    loaded = load_server_configuration(register)
    assert allowed(loaded, VILLAGE)
    assert not allowed(loaded, MINISTRY)
    assert loaded.local_groups[REGISTER, "clerks"].description == "Айыл катчылары"

    do(register, remove_local_group_member, REGISTER, "clerks", VILLAGE)
    assert not allowed(load_server_configuration(register), VILLAGE)
    with pytest.raises(XRoadError, match="not_found"):
        do(register, remove_local_group_member, REGISTER, "clerks", VILLAGE)


def test_a_group_that_comes_back_does_not_bring_its_old_rights(register: Database):
    with register.write() as connection:
        add_local_group(connection, REGISTER, "clerks")
        grant(connection, PEOPLE, LocalGroupId("clerks"))
        remove_local_group(connection, REGISTER, "clerks")
        add_local_group(connection, REGISTER, "clerks")
        add_local_group_member(connection, REGISTER, "clerks", VILLAGE)

    assert not allowed(load_server_configuration(register), VILLAGE)
    with pytest.raises(XRoadError, match="not_found"):
        do(register, remove_local_group, REGISTER, "nobody")


def test_a_group_of_one_owner_says_nothing_about_another_owners_service(
    register: Database,
):
    with register.write() as connection:
        add_client(connection, MINISTRY)
        add_local_group(connection, MINISTRY, "clerks")
        add_local_group_member(connection, MINISTRY, "clerks", VILLAGE)
        grant(connection, PEOPLE, LocalGroupId("clerks"))

    assert not allowed(load_server_configuration(register), VILLAGE)


def test_an_endpoint_takes_its_rights_along(register: Database):
    endpoint = Endpoint("GET", "/people/*")
    with register.write() as connection:
        add_endpoint(connection, PEOPLE, endpoint)
        grant(connection, PEOPLE, VILLAGE, endpoint)
        remove_endpoint(connection, PEOPLE, endpoint)
        add_endpoint(connection, PEOPLE, endpoint)

    assert not allowed(load_server_configuration(register), VILLAGE, path="/people/1")


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        (Endpoint("BREW", "/"), "validation_error"),
        (Endpoint("GET", "people"), "validation_error"),
        (Endpoint("GET", "/" + "a" * 255), "validation_error"),
        (Endpoint("GET", "/**a" * 9), "validation_error"),
        (WHOLE_SERVICE, "duplicate_entry"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(
    register: Database, endpoint: Endpoint, code: str
):
    with pytest.raises(XRoadError) as caught:
        do(register, add_endpoint, PEOPLE, endpoint)
    assert caught.value.code == code


def test_the_whole_service_is_not_an_endpoint_to_remove(register: Database):
    with pytest.raises(XRoadError, match="action_not_possible"):
        do(register, remove_endpoint, PEOPLE, WHOLE_SERVICE)
    for step in (remove_endpoint, lambda c, s, e: grant(c, s, VILLAGE, e)):
        with pytest.raises(XRoadError, match="endpoint_not_found"):
            do(register, step, PEOPLE, Endpoint("GET", "/nothing"))


def test_a_right_is_given_once_and_taken_once(register: Database):
    do(register, grant, PEOPLE, VILLAGE)
    with pytest.raises(XRoadError, match="duplicate_entry"):
        do(register, grant, PEOPLE, VILLAGE)
    do(register, revoke, PEOPLE, VILLAGE)
    with pytest.raises(XRoadError, match="not_found"):
        do(register, revoke, PEOPLE, VILLAGE)


def test_time_stamping_services_are_asked_in_the_order_in_which_they_were_added(
    database: Database,
):
    do(database, add_timestamping_service, "TSA", "http://127.0.0.1:1/")
    do(database, add_timestamping_service, "Second", "http://127.0.0.1:2/")
    with pytest.raises(XRoadError, match="duplicate_entry"):
        do(database, add_timestamping_service, "Again", "http://127.0.0.1:1/")
    with pytest.raises(XRoadError, match="invalid_url"):
        do(database, add_timestamping_service, "Bad", "tsa")

    assert load_server_configuration(database).timestamping_services == (
        TimestampingService("TSA", "http://127.0.0.1:1/"),
        TimestampingService("Second", "http://127.0.0.1:2/"),
    )
    do(database, remove_timestamping_service, "http://127.0.0.1:1/")
    with pytest.raises(XRoadError, match="timestamping_service_not_found"):
        do(database, remove_timestamping_service, "http://127.0.0.1:1/")


def test_settings_are_set_replaced_and_removed(database: Database):
    do(database, set_setting, "server.code", "SS1")
    do(database, set_setting, "server.code", "SS2")
    assert load_server_configuration(database).settings == {"server.code": "SS2"}

    do(database, set_setting, "server.code", None)
    assert load_server_configuration(database).settings == {}


def test_a_loaded_configuration_does_not_change_under_its_reader(register: Database):
    loaded = load_server_configuration(register)
    do(register, grant, PEOPLE, VILLAGE)

    assert not allowed(loaded, VILLAGE)
    with pytest.raises(TypeError):
        loaded.clients[VILLAGE] = loaded.clients[REGISTER]  # type: ignore[index]  # that is the point
    assert not loaded.is_allowed(
        VILLAGE, ServiceId("X", "Y", "Z", None, "none"), "GET", "/", everybody
    )
