"""The reference's maintenance mode of the health check, on our admin port."""

import json
from collections.abc import Callable

import pytest

from kerege.exchange.supervisor.client import ask
from kerege.exchange.supervisor.states import MAINTENANCE
from tests.exchange.supervisor.running import Supervised, supervised
from tests.vectors import Row, needs_vectors, rows

pytestmark = needs_vectors


def checked(server: Supervised) -> tuple[int, dict[str, object]]:
    head, _, content = server.admin(b"GET /ready HTTP/1.1\r\n\r\n").partition(
        b"\r\n\r\n"
    )
    return int(head.split()[1]), json.loads(content)


def set_maintenance(server: Supervised, *, is_on: bool) -> bool:
    """Switch it; return how it was."""
    answer = ask(server.folder / "spool", {"do": "maintenance", "on": is_on})
    return bool(answer["was"])


def while_on(server: Supervised, row: Row) -> None:
    assert not set_maintenance(server, is_on=True)
    status, content = checked(server)
    assert row.expected == "fault"
    assert status == 503
    assert content["message"] == "Health check interface is in maintenance mode."
    assert content["message"] == MAINTENANCE
    assert not server.heard("asked")
    assert ask(server.folder / "spool", {"do": "reload"})["ok"]
    assert checked(server)[0] == 503  # who switched it on wants it so


def after_off(server: Supervised, row: Row) -> None:
    set_maintenance(server, is_on=True)
    assert set_maintenance(server, is_on=False)
    status, content = checked(server)
    assert row.expected == "reply"
    assert (status, content["ready"]) == (200, True)
    server.until("asked")
    assert len(server.heard("asked")) == 1
    assert [event["on"] for event in server.heard("maintenance mode")] == [True, False]


STORIES: dict[str, Callable[[Supervised, Row], None]] = {
    "maintenance on": while_on,
    "maintenance off": after_off,
}


@pytest.mark.parametrize("row", rows("health-check"))
def test_in_maintenance_nobody_is_asked_how_things_stand(tmp_path, row: Row):
    with supervised(tmp_path, workers=1) as server:
        server.until("ready")
        STORIES[row.case](server, row)
