"""What this machine has and uses, read from what the kernel tells."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kerege.exchange.opmonitor.environment import CertificateInfo, Environment
from kerege.exchange.processes import only_process
from kerege.exchange.security_server.monitoring import (
    internal_address,
    server_started,
)
from kerege.exchange.security_server.settings import Settings
from kerege.xroad.identifiers import SecurityServerId
from kerege.xroad.opmonitoring import HistogramMetric, MetricSet, metrics_answer
from tests.operational import NOW, xsd
from tests.vectors import needs_vectors

CERTIFICATE = CertificateInfo("ab" * 20, NOW, NOW + timedelta(days=1), "AUTH")
MEMORY = """MemTotal:       1000 kB
MemAvailable:    {free} kB
SwapTotal:         0 kB
SwapFree:          0 kB
Committed_AS:    300 kB
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine of our own: what proc(5) says of it."""
    (tmp_path / "self" / "fd").mkdir(parents=True)
    (tmp_path / "self" / "fd" / "0").touch()
    tell(tmp_path, free=500, busy=0, idle=0)
    return tmp_path


def tell(proc: Path, *, free: int, busy: int, idle: int) -> None:
    (proc / "meminfo").write_text(MEMORY.format(free=free))
    (proc / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\nbtime 1000\n")


def by_name(metrics: MetricSet) -> dict[str, object]:
    return {metric.name: metric for metric in metrics.metrics}


def environment(proc: Path, **options: bool) -> Environment:
    return Environment(lambda: (CERTIFICATE,), lambda: NOW, proc, **options)


def test_what_changes_is_told_as_a_histogram_of_the_last_measurements(proc: Path):
    machine = environment(proc)
    machine.measure()
    tell(proc, free=700, busy=30, idle=70)
    machine.measure()

    found = by_name(machine.metrics(True))

    free = found["FreePhysicalMemory"]
    assert isinstance(free, HistogramMetric)
    assert (free.minimum, free.mean, free.maximum) == (512_000, 614_400, 716_800)
    load = found["SystemCpuLoad"]
    assert isinstance(load, HistogramMetric)
    assert load.minimum == load.maximum == pytest.approx(30)
    assert found["TotalPhysicalMemory"].value == 1_024_000


def test_others_than_the_owner_may_be_told_less(proc: Path):
    limited = environment(proc, limits_others=True)
    assert by_name(limited.metrics(False)).keys() == {"Certificates", "OperatingSystem"}
    whole = by_name(environment(proc).metrics(False)).keys()
    assert whole == by_name(limited.metrics(True)).keys()
    assert {"DiskSpaceFree_/", "Packages", "Xroad Processes"} <= whole


@needs_vectors
def test_what_is_told_of_this_very_machine_is_what_the_schema_allows():
    from lxml import etree

    machine = Environment(lambda: (CERTIFICATE,), lambda: NOW)
    machine.measure()
    server = SecurityServerId("T", "GOV", "1", "SS1")
    answer = metrics_answer(server, "7.8.0", machine.metrics(True), MetricSet("", ()))
    body = etree.fromstring(answer.body)
    xsd("monitoring.xsd").assertValid(body)
    names = {element.text for element in body.iter("{*}name")}
    assert {"SERVER:T/GOV/1/SS1", "Certificates", "OpenFileDescriptorCount"} <= names
    commands = {
        one.findtext("{*}value")
        for one in body.iter("{*}stringMetric")
        if one.findtext("{*}name") == "command"
    }
    assert commands
    assert not any(" " in (command or "") for command in commands)  # no arguments


async def test_a_machine_that_does_not_tell_stops_nobody(tmp_path: Path):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        await environment(tmp_path / "nothing").run(sleep)
    assert slept == [10.0, 10.0]


def test_a_server_began_when_its_lock_was_taken(tmp_path: Path):
    settings = Settings(directory=tmp_path)
    assert server_started(settings, NOW) == NOW  # no lock
    with only_process(settings.lock_file):
        before = datetime.now(UTC) + timedelta(days=1)
        began = server_started(settings, before)
        assert began == server_started(settings, before + timedelta(days=1)) < before
        assert server_started(settings, NOW) == NOW  # a clock that was put back


def test_the_internal_address_is_the_one_that_is_listened_on():
    assert internal_address("10.1.2.3:5500") == "10.1.2.3"
    elsewhere = internal_address("0.0.0.0:5500")
    assert len(elsewhere.split(".")) == 4
    assert internal_address("") == elsewhere
