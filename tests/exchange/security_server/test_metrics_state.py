"""What is measured about the log, certificates and disk, on both databases."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kerege.exchange.ocsp import CertificateState
from kerege.exchange.security_server.metrics import Metrics
from kerege.exchange.security_server.metrics_state import (
    Sources,
    keep_measuring,
    measured,
)
from kerege.exchange.security_server.metrics_text import render
from kerege.exchange.storage import Database
from kerege.xroad.faults import XRoadError
from tests.exchange.messagelog.authority import NOON, SERVER, signer, tsa_down
from tests.exchange.messagelog.world import World, make_world, raises


@dataclass
class Keys:
    """The keys of a server with one member."""

    authentication_chain: tuple = field(default_factory=lambda: (signer().certificate,))
    signers: dict = field(default_factory=lambda: {SERVER.owner: signer()})


@dataclass
class Configuration:
    instance: str = "TEST"
    expires = NOON + timedelta(minutes=10)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def sources(world, log, **changes):
    state = CertificateState(
        signer().certificate, NOON + timedelta(hours=1), NOON, issued=NOON
    )
    fields = {
        "server": "TEST/COM/1234/SS1",
        "keys": Keys,
        "configuration": Configuration,
        "ocsp": lambda: [state],
        "log": log,
        "folders": {"spool": world.policy.bodies, "gone": Path("/no/such/folder")},
        "connections": lambda: {"peer": 7},
        "clock": world.clock,
        "configuration_success": lambda: NOON,
    }
    return Sources(**(fields | changes))


async def values(world, log, **changes):
    """Return the one value of each metric that has only one."""
    samples = await measured(sources(world, log, **changes))
    return {sample.name.removeprefix("kerege_"): sample.value for sample in samples}


async def test_the_log_tells_what_waits_and_how_long_it_has_been_failing(world):
    async with world.log() as log:
        for number in range(3):
            await log.write(world.record(f"q{number}"))
        world.clock.forward(minutes=5)
        now = await values(world, log)
        assert now["message_log_unstamped_records"] == 3
        assert now["message_log_oldest_unstamped_age_seconds"] == 300
        assert now["timestamping_failing_seconds"] == 0
        assert "timestamping_last_success_timestamp_seconds" not in now
        world.timestamper.failing = tsa_down()
        with raises("timestamping_failed"):
            await log.job.run_once()
        world.clock.forward(minutes=2)
        assert (await values(world, log))["timestamping_failing_seconds"] == 120
        world.timestamper.failing = None
        assert await log.job.run_once() == 3
        now = await values(world, log)
        assert now["message_log_unstamped_records"] == 0
        assert now["message_log_oldest_unstamped_age_seconds"] == 0
        assert now["timestamping_failing_seconds"] == 0
        stamped = world.clock.now.timestamp()
        assert now["timestamping_last_success_timestamp_seconds"] == stamped
        assert now["database_size_bytes"] > 4096


async def test_certificates_responses_and_configuration_tell_their_end(world):
    async with world.log() as log:
        now = await values(world, log)
    expiry = signer().certificate.not_valid_after_utc.timestamp()
    assert now["certificate_expiry_timestamp_seconds"] == expiry
    hour = (NOON + timedelta(hours=1)).timestamp()
    assert now["ocsp_response_expiry_timestamp_seconds"] == hour
    assert now["ocsp_response_issued_timestamp_seconds"] == NOON.timestamp()
    end = Configuration.expires.timestamp()
    assert now["global_configuration_expiry_timestamp_seconds"] == end
    success = now["global_configuration_last_success_timestamp_seconds"]
    assert success == NOON.timestamp()
    assert now["open_connections"] == 7


async def test_what_cannot_be_had_is_left_out_and_the_rest_stays(world):
    def outdated():
        raise XRoadError("global_conf_outdated", "There is none")

    nothing = CertificateState(signer().certificate, None, NOON)
    async with world.log() as log:
        now = await values(world, log, configuration=outdated, ocsp=lambda: [nothing])
        world.database.engine.dispose()
    assert "global_configuration_expiry_timestamp_seconds" not in now
    assert now["ocsp_response_expiry_timestamp_seconds"] == 0
    assert "ocsp_response_issued_timestamp_seconds" not in now
    assert now["disk_free_bytes"] > 0
    assert now["build_info"] == 1


class EndOfTestError(Exception):
    """Ends a loop that has no end."""


async def test_handshakes_that_failed_are_added_to_those_before(world, tmp_path):
    metrics = Metrics(tmp_path / "metrics", "1")
    so_far = {"peer": 0}
    told = iter((0, 2, 2, 5))

    async def pause(_seconds):
        so_far["peer"] = next(told, -1)
        if so_far["peer"] < 0:
            raise EndOfTestError

    async with world.log() as log:
        made = sources(world, log, failed_handshakes=lambda: dict(so_far))
        with pytest.raises(EndOfTestError):
            await keep_measuring(metrics, made, pause=pause)
    text = render(tmp_path / "metrics").decode()
    assert '\nkerege_tls_handshakes_failed_total{port="peer"} 5\n' in text


async def test_a_folder_that_goes_away_is_told_once(world, tmp_path):
    metrics = Metrics(tmp_path / "metrics", "1")
    for path in (tmp_path / "metrics").iterdir():
        path.unlink()
    (tmp_path / "metrics").rmdir()
    rounds = iter(range(3))

    async def pause(_seconds):
        if next(rounds) == 2:
            raise EndOfTestError

    async with world.log() as log:
        with capture_logs() as logs, pytest.raises(EndOfTestError):
            await keep_measuring(metrics, sources(world, log), pause=pause)
    told = [one["reason"] for one in logs if one["event"] == "metrics not kept"]
    assert len(told) == 1
    assert "No such file or directory" in told[0]
