"""What killed processes left half made is removed when a server starts."""

from dataclasses import replace

from kerege.exchange.processes import this_process
from kerege.exchange.security_server.settings import Configuration, Settings
from kerege.exchange.security_server.upkeep import clear_leftovers

GONE = "999999-1"
"""The name of a process that is no more."""
PLACES = ("", "ocsp", "token", "globalconf", "globalconf/INSTANCE")


def leave(folder, owner):
    """Leave a file as `replace_file` and `Spool` do when killed."""
    left = [folder / "spool" / f"body-{owner}-abcdefgh.spool"]
    left += [folder / place / f".file.xml.{owner}-abcdefgh.new" for place in PLACES]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return set(left)


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    leave(tmp_path, GONE)
    at_work = leave(tmp_path, this_process())
    (tmp_path / "server.toml.new").touch()
    clear_leftovers(Settings(directory=tmp_path))
    assert files(tmp_path) == at_work | {tmp_path / "server.toml.new"}


def test_a_configuration_that_another_process_downloads_is_left_to_it(tmp_path):
    left = leave(tmp_path, GONE)
    settings = Settings(directory=tmp_path)
    clear_leftovers(replace(settings, configuration=Configuration(anchor="")))
    assert files(tmp_path) == {p for p in left if "globalconf" in p.parts}
