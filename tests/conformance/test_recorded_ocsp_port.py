"""What a Java server of 7.8.0 answered on its port 5577, and what ours does.

Not compared: texts, part boundaries, framing. `ocsp-sha256-in-cert` got an answer only
because the recorded server's keys were a stand-in that knew both hashes; ours knows
both as well.
"""

import pytest

from kerege.exchange.ocsp import read_peer_answer
from kerege.xroad.transport import media_type
from tests.conformance.recordings import (
    Recording,
    live_certificate,
    live_ocsp,
    producer,
    recordings,
)
from tests.vectors import needs_recordings
from tests.wire import call

pytestmark = needs_recordings

CASES = [
    *recordings(having="client-request", prefix="ocsp-"),
    *recordings(having="ocsp-request"),
]


@pytest.mark.parametrize("recording", CASES)
async def test_port_5577_answers_as_recorded(recording: Recording, tmp_path):
    name = "client" if recording.name.startswith("ocsp-") else "ocsp"
    theirs = recording.http(f"{name}-response")
    async with producer(tmp_path, recording) as server:
        asked = recording.raw(f"{name}-request")
        ours = await call(server.host, server.ports.ocsp, asked)
    assert ours.status == theirs.status
    if ours.status != 200:
        assert ours.body
        return
    kind, recorded_kind = ours.get("content-type"), theirs.get("content-type")
    if recorded_kind is None:  # a heartbeat
        assert kind is None
        assert ours.body == b""
        return
    assert kind is not None
    assert kind.partition("boundary=")[0] == recorded_kind.partition("boundary=")[0]
    assert media_type(kind) == "multipart/related"
    responses = read_peer_answer(kind, ours.body)
    assert responses == read_peer_answer(recorded_kind, theirs.body)
    assert responses == (live_ocsp(recording.set)[live_certificate("ss2-auth")],)
