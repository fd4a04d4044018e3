"""One server at a time works in its folder."""

from pathlib import Path

from kerege.exchange.security_server.server import SecurityServer
from kerege.exchange.security_server.settings import LOCK_FILE, Settings
from kerege.exchange.spool import Spool, only_process
from tests.exchange.messagelog.world import raises


async def test_a_second_start_does_not_take_bodies_from_the_running_server(
    tmp_path: Path,
):
    (tmp_path / "spool").mkdir()
    settings = Settings("TEST/COM/1234/SS1", directory=tmp_path)
    second = SecurityServer(settings, lambda _: None)  # type: ignore[arg-type,return-value]  # not reached
    with only_process(tmp_path / LOCK_FILE):
        body = Spool(tmp_path / "spool", memory_limit=10)
        await body.write(b"on its way through")
        await body.finish()
        with raises("action_not_possible"):
            async with second:
                pass
        assert [chunk async for chunk in body.chunks()] == [b"on its way through"]

    with raises("anchor_file_not_found"):  # now it gets further, and lets go again
        async with second:
            pass
    with only_process(tmp_path / LOCK_FILE):
        assert list((tmp_path / "spool").iterdir()) == []
