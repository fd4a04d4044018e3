"""One server at a time works in its folder."""

from pathlib import Path

from kerege.exchange.processes import only_process
from kerege.exchange.security_server.metrics_files import METRICS_FOLDER
from kerege.exchange.security_server.server import JOBS_LOCK, SecurityServer
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.spool import Spool
from tests.exchange.messagelog.world import raises


async def test_a_second_start_does_not_take_bodies_from_the_running_server(
    tmp_path: Path,
):
    settings = Settings("TEST/COM/1234/SS1", directory=tmp_path)
    second = SecurityServer(settings, lambda _: None)  # type: ignore[arg-type,return-value]  # not reached
    with only_process(settings.lock_file):
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
    with only_process(settings.lock_file):
        left = {path.name for path in (tmp_path / "spool").iterdir()}
        # What lies there was this process's, which lives; the locks are free.
        body.discard()
        assert {path.name for path in (tmp_path / "spool").iterdir()} == {
            settings.lock_file.name,
            JOBS_LOCK,
            METRICS_FOLDER,
        }
        assert len(left) == 4
