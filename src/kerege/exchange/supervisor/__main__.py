"""`python -m kerege.exchange.supervisor`: what `kerege security-server run` becomes.

Its only argument is a JSON object: `Options`, and where the PIN can be read. It is no
command for people.
"""

import json
import os
import sys
from pathlib import Path

from kerege.exchange.processes import only_process
from kerege.exchange.security_server.settings import SettingsError
from kerege.exchange.supervisor.channel import Message
from kerege.exchange.supervisor.commands import Commands
from kerege.exchange.supervisor.events import Events
from kerege.exchange.supervisor.lines import Lines
from kerege.exchange.supervisor.listening import FREE_SECONDS, CannotListenError
from kerege.exchange.supervisor.reading import first_plan, read_settings
from kerege.exchange.supervisor.secrecy import hide_memory
from kerege.exchange.supervisor.supervisor import (
    Options,
    Supervisor,
    print_failure,
)
from kerege.xroad.faults import XRoadError

MAX_PIN_BYTES = 4096
"""More than the keys room lets through."""


def main(given: Message) -> int:
    """Run a server; return the exit code."""
    hide_memory()
    os.umask(0o077)  # databases and logs hold messages
    pin = _read_pin(given.pop("pin_from", None))
    options = Options(
        **{**given, "config": Path(given["config"]), "command": tuple(given["command"])}
    )
    events = Events(
        Lines(sys.stdout.fileno()),
        as_json=options.log_format == "json",
        level=options.log_level,
    )
    try:
        return _supervise(options, events, pin)
    except CannotListenError as error:
        print_failure({"what": str(error), "why": error.why, "advice": error.advice})
    except SettingsError as error:
        advice = "All settings: kerege security-server settings reference"
        print_failure({"what": str(error), "advice": advice})
    except XRoadError as error:
        why = f"X-Road code: {error.code}"
        print_failure({"what": error.message, "why": why, "advice": error.advice})
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_failure({"what": f"{where}{error.strerror or error}"})
    return 1


def _supervise(options: Options, events: Events, pin: str | None) -> int:
    settings, _ = read_settings(options)
    lock = settings.lock_file
    with only_process(lock):
        # Who ended by itself has emptied the file; else its workers may hold the ports.
        crashed = bool(lock.read_bytes())
        lock.write_text(f"{os.getpid()}\n", encoding="ascii")
        plan = first_plan(options, wait_seconds=FREE_SECONDS if crashed else 0.0)
        supervisor = Supervisor(options, events, pin)
        with Commands(supervisor, lock.parent, plan):
            code = supervisor.run(plan)
        lock.write_bytes(b"")
        return code


def _read_pin(descriptor: int | None) -> str | None:
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_PIN_BYTES).decode()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
