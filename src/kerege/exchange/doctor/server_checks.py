"""The server itself: does it run, is it logged in, is it ready, which version is it?"""

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kerege import __version__
from kerege.exchange.doctor.asking import why
from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good
from kerege.exchange.doctor.process import Running
from kerege.exchange.supervisor.operators import address_in

MAX_STATE_BYTES = 1024 * 1024
"""Some lines for each worker."""

DOWN = Code(
    "D-SERVER-DOWN",
    Severity.ERROR,
    "No server runs with these settings.",
    "No message passes. What others send is refused at once.",
    "Start it: `systemctl start kerege`, or kerege security-server run. If it ended by "
    "itself, its log says why: journalctl -u kerege",
)
LOGGED_OUT = Code(
    "D-SERVER-LOGIN",
    Severity.ERROR,
    "The server runs and has not been given the PIN of its token.",
    "It can neither sign nor show its certificate: every message is refused with 503.",
    "kerege security-server login, in the server's folder. To have it done at each "
    "start, give the PIN as a credential: docs/how-to/run-as-a-systemd-service.md",
)
NOT_READY = Code(
    "D-SERVER-READY",
    Severity.ERROR,
    "The server runs and says that it is not ready.",
    "Messages fail with what it names.",
    "Mend what it names; the other findings say more.",
)
HANGS = Code(
    "D-SERVER-HANGS",
    Severity.ERROR,
    "The server runs and does not say whether it is ready.",
    "It may be starting, or hang. Messages may wait for it.",
    "Look at its log. If it says nothing either, restart it.",
)
OTHER_VERSION = Code(
    "D-SERVER-VERSION",
    Severity.WARNING,
    "The running server is of another version than the one that is installed.",
    "It was upgraded and not restarted; what the new version mends is not mended yet.",
    "Restart the server.",
)


async def look_at_server(examination: Examination) -> Iterable[Finding]:
    """Ask whether the server runs, and the server how it stands."""
    running = await examination.running.get()
    server = f"server {examination.settings.server_id.short}"
    spool = examination.path(examination.settings.spool)
    if running is None:
        return [DOWN.at(server, f"Nobody holds its lock in {spool}.")]
    seconds = examination.limits.request_seconds
    try:
        state = await in_daemon(ask_state, spool, seconds)
    except PermissionError:
        return [good(f"{running.name} runs; only its own user may ask it more")]
    except (OSError, ValueError) as error:
        said = f"{running.name} does not answer in {spool}: {why(error)}."
        return [HANGS.at(server, said[0].upper() + said[1:])]
    return list(_judged(server, running, state))


def ask_state(spool: Path, seconds: float) -> Mapping[str, Any]:
    """Ask a running server how it stands, on its operators' socket.

    Raises `OSError`, or `ValueError` if what answers is not a server.
    """
    folder = os.open(spool, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            end.settimeout(seconds)
            end.connect(address_in(folder))
            end.sendall(b'{"do": "state"}\n')
            with end.makefile("rb") as answer:
                document = json.loads(answer.readline(MAX_STATE_BYTES))
    finally:
        os.close(folder)
    if not isinstance(document, dict):
        raise ValueError("its answer cannot be read")  # noqa: TRY004 - as from json
    return document


def _judged(
    server: str, running: Running, state: Mapping[str, Any]
) -> Iterator[Finding]:
    version = state.get("version")
    if isinstance(version, str) and version != __version__:
        said = f"It is version {version}; {__version__} is installed."
        yield OTHER_VERSION.at(server, said)
    if state.get("logged_in") is False:
        yield LOGGED_OUT.at(server, "Its token is not logged in.")
    elif not state.get("ready"):
        problems = list(_problems(state))
        said = "; ".join(what for what, _ in problems) or "it does not say why"
        advice = " ".join(what_to_do for _, what_to_do in problems)
        yield NOT_READY.at(server, f"It says: {said}.", advice=advice)
    else:
        yield good(f"{running.name} runs and is ready")


def _problems(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the workers miss, and their advice; each once."""
    told: dict[str, str] = {}
    for worker in state.get("workers", ()):
        for problem in worker.get("problems", ()):
            told[str(problem.get("what", ""))] = str(problem.get("advice", ""))
    yield from told.items()


CHECKS = (
    Check(
        "server",
        look_at_server,
        (DOWN, LOGGED_OUT, NOT_READY, HANGS, OTHER_VERSION),
    ),
)
