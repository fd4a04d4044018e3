"""OCSP responders and time-stamping services that are wrong, each alone."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from kerege.exchange.doctor import Limits, Severity
from kerege.exchange.keys import KeyUsage
from kerege.exchange.messagelog.rows import to_milliseconds
from kerege.exchange.ocsp import OcspFetcher, OcspStore, ResponderHistory
from kerege.exchange.ocsp.history import SLOW_SECONDS, read_history
from kerege.exchange.storage.message_log_tables import (
    records,
    timestamping,
    timestamps,
)
from kerege.exchange.storage.server_configuration import (
    add_timestamping_service,
    remove_timestamping_service,
)
from kerege.sandbox.central import private_parameters, shared_parameters
from kerege.sandbox.layout import TRUST_ADDRESS
from kerege.trust.ca import SandboxCA
from kerege.trust.ocsp_responder import (
    ocsp_application,
    ocsp_authorities,
    ocsp_response,
)
from kerege.xroad.certificates import certificate_sha256
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, InstanceConfiguration
from kerege.xroad.globalconf.values import OCSPResponder
from kerege.xroad.ocsp import ocsp_request
from tests.exchange.doctor.world import now, only, sent_back

AUTHENTICATION, SIGNING = KeyUsage.AUTHENTICATION, KeyUsage.SIGNING
WARNING = Severity.WARNING
HALF_A_SECOND = replace(Limits(), check_seconds=120.0, slow_seconds=0.2)


def url(port: int) -> str:
    return f"http://{TRUST_ADDRESS}:{port}/"


def held_back(application: web.Application, seconds: float) -> web.Application:
    """Make a service slow: its answers come so much later."""

    @web.middleware
    async def wait(request, handler):
        later = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(seconds, later.set_result, None)
        await later
        return await handler(request)

    application.middlewares.append(wait)
    return application


def broken(status: int = 200, body: bytes = b"") -> web.Application:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    return application


def stored(world, usage, *, age_seconds: float = 0.0) -> None:
    """Keep an OCSP response for a certificate, as a running server does."""
    certificate = world.certificate(usage)
    response = ocsp_response(
        ocsp_request(certificate, world.ca.intermediate.certificate),
        ocsp_authorities(world.ca),
        at=now() - timedelta(seconds=age_seconds),
    )
    store = OcspStore(world.folder / "ocsp")
    store.save(certificate_sha256(certificate), response)


async def test_a_responder_that_is_away(make_world):
    world = make_world(without={"ocsp"})
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-OCSP-UNREACHABLE", url(world.ports.ca_ocsp), "Connection refused")
    )
    assert "authentication certificate" in wrong.what


async def test_a_responder_that_answers_with_an_error(make_world):
    world = make_world(applications={"ocsp": broken(503)})
    async with world:
        found = await world.examine()
    only(found, "D-OCSP-UNREACHABLE", url(world.ports.ca_ocsp), "HTTP status 503")


async def test_how_long_the_last_responses_hold_is_said(make_world):
    world = make_world(without={"ocsp"})
    for certificate, issuer in (
        (world.certificate(AUTHENTICATION), world.ca.intermediate.certificate),
        (world.certificate(SIGNING), world.ca.intermediate.certificate),
        (world.ca.intermediate.certificate, world.ca.root.certificate),
    ):
        request = ocsp_request(certificate, issuer)
        response = ocsp_response(request, ocsp_authorities(world.ca), at=now())
        OcspStore(world.folder / "ocsp").save(certificate_sha256(certificate), response)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-OCSP-UNREACHABLE", url(world.ports.ca_ocsp), "not answer")
    assert "The last responses hold until" in wrong.follows
    assert "for 59 minutes more" in wrong.follows


async def test_one_of_two_responders_that_is_away_only_warns(make_world):
    world = make_world(change_shared=_with_second_responder)
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-OCSP-UNREACHABLE", "127.0.0.99", "Connection refused"),
        severity=WARNING,
    )
    assert "nothing fails yet" in wrong.follows


async def test_a_certificate_that_is_revoked(world):
    certificate = world.certificate(SIGNING)
    world.ca.revoke(certificate.serial_number)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-OCSP-REVOKED", "signing certificate", "revoked since 20")
    assert "stop the server" in wrong.advice


async def test_a_certificate_that_the_responder_does_not_know(world):
    serial = world.certificate(AUTHENTICATION).serial_number
    del world.ca.intermediate.register[serial]
    async with world:
        found = await world.examine()
    only(found, "D-OCSP-UNKNOWN", "authentication certificate", "does not know it")


async def test_a_responder_that_has_stopped_making_responses(make_world):
    world = make_world(
        clocks={"ocsp": sent_back(600)},
        change_shared=lambda shared: replace(shared, ocsp_freshness_seconds=60),
    )
    async with world:
        found = await world.examine()
    codes = [f.code for f in found]
    assert codes.count("D-OCSP-OLD") == 3  # two certificates and the issuing CA
    old = next(f for f in found if f.code == "D-OCSP-OLD")
    assert "10 minutes old; 60 seconds are allowed" in old.what
    assert set(codes) == {"D-OCSP-OLD", "D-SERVER-DOWN"}


async def test_a_responder_whose_signature_is_not_known(make_world):
    world = make_world()
    other = SandboxCA.create("central-server")
    signed_by_other = ocsp_authorities(replace(world.ca, ocsp=other.ocsp))
    world.applications["ocsp"] = ocsp_application(signed_by_other, clock=now)
    async with world:
        found = await world.examine()
    codes = [f.code for f in found]
    assert set(codes) == {"D-OCSP-SIGNATURE", "D-SERVER-DOWN"}
    assert codes.count("D-OCSP-SIGNATURE") == 2  # not the issuing CA's own


async def test_an_answer_that_is_no_response(make_world):
    world = make_world(applications={"ocsp": broken(200, b"<html>")})
    async with world:
        found = await world.examine()
    assert {f.code for f in found} == {"D-OCSP-SIGNATURE", "D-SERVER-DOWN"}
    assert any("cannot be read" in f.what for f in found)


async def test_no_responder_is_known(make_world):
    world = make_world(change_shared=_without_responders)
    async with world:
        found = await world.examine()
    assert {f.code for f in found} == {"D-OCSP-NONE", "D-SERVER-DOWN"}
    assert any("authentication certificate" in f.subject for f in found)


async def test_a_responder_that_is_slow_now(make_world):
    world = make_world()
    world.applications["ocsp"] = held_back(world._ocsp(), 0.3)
    async with world:
        found = await world.examine(limits=HALF_A_SECOND)
    wrong = [f for f in found if f.code == "D-OCSP-SLOW"]
    assert [f.subject for f in wrong] == [url(world.ports.ca_ocsp)]
    assert "seconds just now" in wrong[0].what
    assert wrong[0].severity is WARNING


async def test_a_responder_that_was_slow_today(world):
    """The server's own fetcher notes it, and the doctor finds it hours later."""
    history = ResponderHistory(world.folder / "ocsp", now)
    history.note(url(world.ports.ca_ocsp), 0.1, answered=True)
    history.note(url(world.ports.ca_ocsp), SLOW_SECONDS + 1.5, answered=True)
    history.save()
    async with world:
        found = await world.examine()
    only(
        *(found, "D-OCSP-SLOW-TODAY", url(world.ports.ca_ocsp)),
        "1 took more than 2 seconds (the slowest 3.5)",
        severity=WARNING,
    )


async def test_a_responder_that_failed_today_for_the_running_server(world):
    """What a real fetcher met when the responder was away is told afterwards."""
    asked = []
    fetcher = OcspFetcher(
        sources=lambda: _configuration(world),
        certificates=lambda: [world.certificate(SIGNING)],
        transport=_failing(asked),
        store=OcspStore(world.folder / "ocsp"),
        clock=now,
        history=ResponderHistory(world.folder / "ocsp", now),
    )
    await fetcher.refresh()
    assert len(asked) == 2
    counted = read_history(world.folder / "ocsp")
    assert counted is not None
    async with world:
        found = await world.examine()
    only(
        *(found, "D-OCSP-SLOW-TODAY", url(world.ports.ca_ocsp)),
        "2 got no answer, last at",
        severity=WARNING,
    )


async def test_what_happened_yesterday_is_not_told(world):
    history = ResponderHistory(world.folder / "ocsp", sent_back(86_400))
    history.note(url(world.ports.ca_ocsp), 30.0, answered=False)
    history.save()
    async with world:
        found = await world.examine()
    assert [f.code for f in found] == ["D-SERVER-DOWN"]


async def test_a_response_that_the_running_server_does_not_renew(world):
    stored(world, AUTHENTICATION, age_seconds=3600 - 300)
    async with world, world.running():
        found = await world.examine()
    only(
        *(found, "D-OCSP-NOT-RENEWED", "authentication certificate", "minutes more"),
        severity=WARNING,
        is_running=True,
    )


# Time-stamping.


async def test_no_time_stamping_service(world):
    with world.database() as connection:
        remove_timestamping_service(connection, url(world.ports.tsa))
    async with world:
        found = await world.examine()
    wrong = only(found, "D-TSA-NONE", "SS2", "None is configured")
    add = f"kerege security-server timestamping add {url(world.ports.tsa)}"
    assert wrong.advice == add


async def test_a_time_stamping_service_that_is_not_approved(make_world):
    world = make_world(change_shared=_with_tsa_elsewhere)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-TSA-NOT-APPROVED", url(world.ports.tsa), "approved are http://"),
        severity=WARNING,
    )


async def test_a_time_stamping_service_that_is_away(make_world):
    world = make_world(without={"tsa"})
    async with world:
        found = await world.examine()
    only(found, "D-TSA-UNREACHABLE", url(world.ports.tsa), "Connection refused")


async def test_one_of_two_time_stamping_services_that_is_away_only_warns(make_world):
    world = make_world(change_shared=_with_second_tsa)
    with world.database() as connection:
        add_timestamping_service(connection, "Second", "http://127.0.0.99:8899/")
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-TSA-UNREACHABLE", "127.0.0.99", "Connection refused"),
        severity=WARNING,
    )
    assert "Another one works" in wrong.follows


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (500, "D-TSA-UNREACHABLE", "HTTP status 500"),
        (200, "D-TSA-REFUSES", "Could not read time-stamp response"),
    ],
)
async def test_a_time_stamping_service_that_gives_none(make_world, status, code, text):
    world = make_world(applications={"tsa": broken(status, b"no")})
    async with world:
        found = await world.examine()
    only(found, code, url(world.ports.tsa), text)


async def test_a_time_stamping_service_with_another_certificate(make_world):
    world = make_world()
    other = SandboxCA.create("central-server")
    world.ca = replace(world.ca, tsa=other.tsa)
    async with world:
        found = await world.examine()
    wrong = only(
        found, "D-TSA-CERTIFICATE", url(world.ports.tsa), "no approved time-stamping"
    )
    assert "new certificate" in wrong.advice


async def test_a_time_stamping_service_that_is_slow(make_world):
    world = make_world()
    world.applications["tsa"] = held_back(world._tsa(), 0.3)
    async with world:
        found = await world.examine(limits=HALF_A_SECOND)
    wrong = [f for f in found if f.code == "D-TSA-SLOW"]
    assert [f.subject for f in wrong] == [url(world.ports.tsa)]
    assert wrong[0].severity is WARNING


def log(connection, record_id, time, timestamp_id=None) -> None:
    connection.execute(
        records.insert().values(
            id=record_id,
            time=to_milliseconds(time),
            is_response=False,
            client_side=False,
            query_id=str(record_id),
            x_request_id="",
            instance="central-server",
            member_class="GOV",
            member_code="70000050",
            subsystem_code="",
            timestamp_id=timestamp_id,
        )
    )


async def test_records_that_wait_for_their_time_stamp(world):
    with world.database() as connection:
        log(connection, 1, now() - timedelta(minutes=40))
        log(connection, 2, now() - timedelta(minutes=1))
    async with world:
        found = await world.examine()
    only(
        *(found, "D-TSA-BACKLOG", "message log"),
        "2 records wait, the oldest for 40 minutes",
        severity=WARNING,
    )


async def test_time_stamping_that_fails_and_will_stop_messages(world):
    with world.database() as connection:
        log(connection, 1, now() - timedelta(hours=2))
        since = to_milliseconds(now() - timedelta(hours=2))
        connection.execute(timestamping.insert().values(id=1, failed_since=since))
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-TSA-BACKLOG", "message log", "Time-stamping fails since"),
        severity=WARNING,
    )
    assert "all messages are refused" in wrong.follows


async def test_time_stamping_that_has_failed_for_too_long(world):
    with world.database() as connection:
        log(connection, 1, now() - timedelta(hours=5))
        since = to_milliseconds(now() - timedelta(hours=5))
        connection.execute(timestamping.insert().values(id=1, failed_since=since))
    async with world:
        found = await world.examine()
    wrong = only(found, "D-TSA-BACKLOG", "message log", "1 record wait")
    assert "are refused with `timestamping_failed`, now" in wrong.follows


async def test_time_stamps_that_come_ever_later(world):
    with world.database() as connection:
        for number in range(10):
            minutes = 1 if number < 5 else 25
            stamped = now() - timedelta(hours=10 - number)
            connection.execute(
                timestamps.insert().values(
                    id=number, time=to_milliseconds(stamped), token=b""
                )
            )
            log(connection, number, stamped - timedelta(minutes=minutes), number)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-TSA-DELAY", "message log", "waited 25 minutes"),
        severity=WARNING,
    )


def _failing(asked):
    async def away(address, _request):
        asked.append(address)
        raise XRoadError("ocsp_connection_error", "Connection refused")

    return away


def _configuration(world):
    """The global configuration as the server would have it."""
    central = world.instance.central
    configuration = InstanceConfiguration(
        shared_parameters(central), private_parameters(central)
    )
    return GlobalConf("central-server", [configuration])


def _services(shared, change):
    def changed(info):
        return replace(info, ocsp_responders=change(info.ocsp_responders))

    (service,) = shared.certification_services
    service = replace(
        service,
        top_ca=changed(service.top_ca),
        intermediate_cas=tuple(map(changed, service.intermediate_cas)),
    )
    return replace(shared, certification_services=(service,))


def _with_second_responder(shared):
    return _services(
        shared,
        lambda old: (
            *old,
            OCSPResponder("http://127.0.0.99:8888/", old[0].certificate),
        ),
    )


def _without_responders(shared):
    return _services(shared, lambda _: ())


def _with_tsa_elsewhere(shared):
    (service,) = shared.timestamping_services
    return replace(
        shared,
        timestamping_services=(replace(service, url="http://tsa.example.kg/"),),
    )


def _with_second_tsa(shared):
    (service,) = shared.timestamping_services
    second = replace(service, name="Second", url="http://127.0.0.99:8899/")
    return replace(shared, timestamping_services=(service, second))
