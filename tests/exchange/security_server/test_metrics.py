"""What Prometheus is told: added up over workers, bounded, and never lost by a kill."""

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from kerege.exchange.security_server import metrics as module
from kerege.exchange.security_server.metrics import Metrics
from kerege.exchange.security_server.metrics_catalogue import METRICS, Kind, Sample
from kerege.exchange.security_server.metrics_files import clear
from kerege.exchange.security_server.metrics_names import Names
from kerege.exchange.security_server.metrics_store import CountFile, read_counts
from kerege.exchange.security_server.metrics_text import render, worker_ended
from kerege.exchange.security_server.runtime import Exchange
from tests.servers import Pair

PORTAL = "SUBSYSTEM:central-server/GOV/70000001/portal"
FACT = "SERVICE:central-server/GOV/70000050/sanaripaymak-service/address-fact"
DENIED = "server.serverproxy.access_denied"
NOW = 1_800_000_000.0


def message(verdict="200", *, side="client", client=PORTAL, service=FACT, ms=12.0):
    return Exchange(
        side, client, service, verdict, ms, request_bytes=10, response_bytes=500
    )


def told(folder, extra=(), now=NOW):
    """Every sample that Prometheus' own parser reads, by name and labels."""
    text = render(folder, extra, now).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples, name, **labels):
    return samples.get((name, *sorted(labels.items())))


def test_a_message_is_counted_by_verdict_service_and_client(tmp_path):
    metrics = Metrics(tmp_path)
    metrics.observe(message())
    metrics.observe(message("404"))
    metrics.observe(message(DENIED))
    samples = told(tmp_path)
    count = "kerege_messages_total"
    assert value(samples, count, side="client", verdict="2xx", code="") == 1
    assert value(samples, count, side="client", verdict="4xx", code="") == 1
    assert value(samples, count, side="client", verdict="fault", code=DENIED) == 1
    service = FACT.removeprefix("SERVICE:")
    for result, expected in (("passed", 2), ("fault", 1)):
        labels = {"side": "client", "service": service, "result": result}
        assert value(samples, "kerege_messages_by_service_total", **labels) == expected
    client = PORTAL.removeprefix("SUBSYSTEM:")
    labels = {"side": "client", "client": client, "result": "passed"}
    assert value(samples, "kerege_messages_by_client_total", **labels) == 2
    size = "kerege_message_body_bytes_total"
    assert value(samples, size, side="client", part="request") == 30
    assert value(samples, size, side="client", part="response") == 1500


def test_durations_are_a_histogram_whose_buckets_hold_all_below(tmp_path):
    metrics = Metrics(tmp_path)
    for milliseconds in (5.0, 12.0, 12.0, 90_000.0):
        metrics.observe(message(ms=milliseconds))
    samples = told(tmp_path)
    name = "kerege_message_duration_seconds"
    buckets = {
        le: value(samples, f"{name}_bucket", side="client", le=le)
        for le in ("0.005", "0.01", "0.025", "1", "60", "+Inf")
    }
    expected = {"0.005": 1, "0.01": 1, "0.025": 3, "1": 3, "60": 3, "+Inf": 4}
    assert buckets == expected
    assert value(samples, f"{name}_count", side="client") == 4
    assert value(samples, f"{name}_sum", side="client") == pytest.approx(90.029)


def test_workers_add_up_and_one_that_ended_loses_no_count(tmp_path):
    for process in ("1", "2"):
        Metrics(tmp_path, process).observe(message())
    everything = told(tmp_path)
    assert (
        value(everything, "kerege_message_duration_seconds_count", side="client") == 2
    )
    worker_ended(tmp_path, "1")
    worker_ended(tmp_path, "2")
    assert told(tmp_path) == everything
    assert [path.name for path in tmp_path.iterdir()] == ["counts-ended.bin"]
    Metrics(tmp_path, "1").observe(message())  # a new worker with an old number
    samples = told(tmp_path)
    assert value(samples, "kerege_message_duration_seconds_count", side="client") == 3


def test_a_worker_that_ends_twice_or_never_counted_is_no_trouble(tmp_path):
    worker_ended(tmp_path, "1")
    worker_ended(tmp_path, "1")
    assert told(tmp_path) == {}


def test_a_hundred_workers_that_ended_leave_no_more_names_than_one(tmp_path):
    for process in range(100):
        metrics = Metrics(tmp_path, str(process))
        metrics.observe(
            message(client=f"{PORTAL}{process}", service=f"{FACT}{process}")
        )
        metrics.observe(message())
        metrics.observe(message(DENIED))
        for number in range(module.REFUSED_NAMES):
            stranger = f"M:{process}/{number}/{'x' * 150}"
            metrics.observe(message(DENIED, client=stranger, service=stranger))
        worker_ended(tmp_path, str(process))
    samples = told(tmp_path)
    for kind, name in (("service", FACT), ("client", PORTAL)):

        def count(label, result, kind=kind):
            labels = {kind: label, "result": result, "side": "client"}
            return value(samples, f"kerege_messages_by_{kind}_total", **labels)

        bare = name.partition(":")[2]
        assert {count(f"{bare}{number}", "passed") for number in range(100)} == {1}
        assert (count(bare, "passed"), count(bare, "fault")) == (100, 100)
        assert count("other", "fault") == 100 * module.REFUSED_NAMES - 100
    assert len(samples) < 2 * (100 + module.REFUSED_NAMES) + 100


WORKER = """
import sys
from pathlib import Path
from kerege.exchange.security_server.metrics import Metrics
from kerege.exchange.security_server.runtime import Exchange

metrics = Metrics(Path(sys.argv[1]), "worker")
for number in range(1000):
    metrics.observe(Exchange("server", "M:a/b/c/d", "S:a/b/c/e/f", "200", 1.0))
print("counted", flush=True)
sys.stdin.read()
"""


def test_a_worker_that_is_killed_loses_no_count(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout.readline() == b"counted\n"
        os.kill(worker.pid, signal.SIGKILL)
    samples = told(tmp_path)
    labels = {"side": "server", "verdict": "2xx", "code": ""}
    assert value(samples, "kerege_messages_total", **labels) == 1000


def test_a_new_run_begins_at_nothing(tmp_path):
    metrics = Metrics(tmp_path)
    metrics.observe(message())
    metrics.publish([Sample("kerege_workers", 1)], NOW)
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert told(tmp_path) == {}


def test_strangers_cannot_make_series_without_end(tmp_path):
    metrics = Metrics(tmp_path)
    metrics.observe(message())
    for number in range(1000):
        stranger = f"SUBSYSTEM:central-server/GOV/{number}/x"
        metrics.observe(message(DENIED, client=stranger, service=f"SERVICE:x/{number}"))
        metrics.observe(message(f"server.serverproxy.made_up_{number}"))
    metrics.observe(message(client=PORTAL + "2"))  # comes late, and passes
    samples = told(tmp_path)
    assert len(samples) < 2 * module.REFUSED_NAMES + 100
    other = {"side": "client", "client": "other", "result": "fault"}
    refused = value(samples, "kerege_messages_by_client_total", **other)
    assert refused == 1000 - module.REFUSED_NAMES
    unknown = {"side": "client", "verdict": "fault", "code": "other"}
    assert value(samples, "kerege_messages_total", **unknown) == 1000
    late = {"side": "client", "client": PORTAL.partition(":")[2] + "2"}
    count = "kerege_messages_by_client_total"
    assert value(samples, count, result="passed", **late) == 1


@given(
    st.lists(
        st.tuples(st.text(max_size=3) | st.text(min_size=300), st.booleans()),
        max_size=60,
    )
)
def test_names_never_grow_beyond_their_places(asked):
    names = Names(5, 3)
    given_labels = {names.label(name, is_proven=proven) for name, proven in asked}
    assert len(given_labels) <= 3 + 5 + 1 + 3  # some were refused before they passed
    for name, proven in asked:
        assert names.label(name, is_proven=proven) in (name, "other")


def test_a_name_once_proven_stays_and_frees_its_place():
    names = Names(2, 1)
    assert names.label("late", is_proven=False) == "late"
    assert names.label("other one", is_proven=False) == "other"
    assert names.label("late", is_proven=True) == "late"
    assert names.label("other one", is_proven=False) == "other one"
    assert names.label("late", is_proven=False) == "late"
    assert names.label("", is_proven=True) == "other"


def test_odd_characters_in_names_survive_the_format(tmp_path):
    odd = 'central-server/GOV/a"b\\c\nd/ё'
    Metrics(tmp_path).observe(message(client="SUBSYSTEM:" + odd))
    labels = {"side": "client", "client": odd, "result": "passed"}
    assert value(told(tmp_path), "kerege_messages_by_client_total", **labels) == 1


def test_a_counter_is_only_what_the_catalogue_has(tmp_path):
    metrics = Metrics(tmp_path)
    metrics.count("kerege_replayed_messages_total", outcome="refused")
    metrics.count("kerege_worker_restarts_total", 2)
    samples = told(tmp_path)
    assert value(samples, "kerege_replayed_messages_total", outcome="refused") == 1
    assert value(samples, "kerege_worker_restarts_total") == 2
    for name, labels in (
        ("kerege_replays_total", {}),
        ("kerege_workers", {}),
        ("kerege_replayed_messages_total", {"who": "x"}),
    ):
        with pytest.raises(ValueError, match=f"There is no counter {name} with the"):
            metrics.count(name, **labels)


def test_what_was_measured_is_joined_and_grows_old(tmp_path):
    one, two = Metrics(tmp_path, "1"), Metrics(tmp_path, "2")
    connections = "kerege_open_connections"
    expiry = "kerege_certificate_expiry_timestamp_seconds"
    gone, kept = ("signing", "GOV/1", "aa"), ("signing", "GOV/1", "bb")
    one.publish([Sample(connections, 3, ("peer",)), Sample(expiry, 5, gone)], NOW - 20)
    two.publish([Sample(connections, 4, ("peer",)), Sample(expiry, 6, kept)], NOW - 10)
    samples = told(tmp_path)
    assert value(samples, connections, port="peer") == 7
    assert value(samples, expiry, use="signing", owner="GOV/1", serial="bb") == 6
    assert value(samples, expiry, use="signing", owner="GOV/1", serial="aa") is None
    assert value(told(tmp_path, now=NOW + 45), connections, port="peer") == 4
    two.close()
    assert value(told(tmp_path, now=NOW + 45), connections, port="peer") is None


def test_the_supervisor_adds_what_it_knows(tmp_path):
    samples = told(tmp_path, [Sample("kerege_workers", 2)])
    assert samples == {("kerege_workers",): 2}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"at": 1}', '{"at":"x","samples":[]}']
)
def test_a_damaged_state_is_left_out(tmp_path, text):
    (tmp_path / "state-1.json").write_text(text)
    assert told(tmp_path, now=1) == {}


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    with capture_logs() as logs:
        metrics = Metrics(tmp_path / "file" / "metrics")
    metrics.observe(message())
    assert [(log["event"], log["reason"]) for log in logs] == [
        ("metrics not kept", "Not a directory")
    ]


def test_counts_are_read_back_by_the_same_process(tmp_path):
    path = tmp_path / "counts"
    first = CountFile(path)
    first.values[first.cell("a")] += 1
    first.close()
    second = CountFile(path)
    second.values[second.cell("a")] += 1
    second.values[second.cell("ключ")] += 5
    second.close()
    assert read_counts(path) == {"a": 2, "ключ": 5}
    assert path.stat().st_size == path.stat().st_blocks * 512 == 2 * 1024 * 1024


def test_a_full_file_loses_counts_and_nothing_else(tmp_path):
    counts = CountFile(tmp_path / "counts", size=128)
    for number in range(20):
        counts.values[counts.cell(f"key-{number}")] += 1
    kept = read_counts(tmp_path / "counts")
    assert kept == {f"key-{number}": 1 for number in range(4)}


@given(st.binary(max_size=200))
def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "counts"
    for content in (data, b"KEREGE1\n" + data):
        path.write_bytes(content)
        assert all(isinstance(key, str) for key in read_counts(path))


def test_every_metric_follows_the_conventions():
    for metric in METRICS.values():
        assert metric.name.startswith("kerege_")
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert not metric.help.endswith(".")


async def test_bodies_of_both_ways_are_counted_on_both_sides(tmp_path):
    pair = Pair(tmp_path)
    async with pair:
        pair.offer("echo")
        await pair.send("POST", "echo", body=b"x" * 77)
    sizes = {
        (exchange.side, exchange.request_bytes, exchange.response_bytes)
        for server in (pair.consumer, pair.provider)
        for exchange in server.exchanges
    }
    assert sizes == {("client", 77, 2), ("server", 77, 2)}


def test_the_state_file_names_nobody_else(tmp_path):
    Metrics(tmp_path, "1").publish([Sample("kerege_workers", 1)], NOW)
    document = json.loads((tmp_path / "state-1.json").read_text())
    assert document["samples"] == [{"name": "kerege_workers", "value": 1, "labels": []}]
