"""The process of an exchange for tests: two Security Servers and the trust services.

It is started with a folder and a plan, writes one line of JSON when everything listens,
then answers the lines that it reads, and ends with its input: who started it cannot leave
it behind. One process and one event loop for all, as a fixture must be there in a moment;
the servers are the real ones. NOT FOR PRODUCTION.

A process of its own, so that what tests do to theirs (stopped clocks, blocked sockets,
replaced modules, warnings as errors) is not done to the exchange.
"""

import asyncio
import gc
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.security_server.server import SecurityServer
from kerege.exchange.security_server.settings import parse_settings
from kerege.exchange.storage import open_database
from kerege.sandbox.central import save_anchor
from kerege.sandbox.ports import NoPortsError
from kerege.sandbox.services import configuration_publisher
from kerege.sandbox.testing_host.members import (
    Keys,
    Participants,
    configure,
    make_keys,
    server_keys,
    settings_text,
)
from kerege.sandbox.testing_host.rights import Rights
from kerege.sandbox.testing_host.sockets import Sockets
from kerege.trust.ca import utc_now
from kerege.trust.ocsp_responder import ocsp_application, ocsp_authorities
from kerege.trust.tsa import time_stamping_unit, tsa_application
from kerege.xroad.faults import XRoadError

MAX_LINE_BYTES = 64 * 1024
"""A command is a service and an address."""
DATABASE = "security-server.db"

Message = dict[str, Any]


def main() -> None:
    """Run an exchange until standard input ends."""
    folder, plan = Path(sys.argv[1]), json.loads(sys.argv[2])
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    os.umask(0o077)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_run(folder, Participants.of(plan)))
        except NoPortsError as error:
            sys.exit(str(error))
    # Told to end, or left alone by somebody who was killed and cannot tidy up.
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # everything is closed; taking the interpreter apart takes a while


async def _run(folder: Path, participants: Participants) -> None:
    async with AsyncExitStack() as stack:
        host = Host(folder, participants, stack)
        _say(await host.start())
        gc.enable()  # whoever started us has switched it off for the time of importing
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            _say(await host.answer(json.loads(line)))


def _say(message: Message) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Host:
    """Two servers, what they need, and what may be changed while they run."""

    def __init__(
        self, folder: Path, participants: Participants, stack: AsyncExitStack
    ) -> None:
        """Start nothing yet; ``stack`` stops what is started."""
        self._folder = folder
        self._participants = participants
        self._stack = stack
        self._servers: dict[str, SecurityServer] = {}
        self._rights: Rights | None = None

    async def start(self) -> Message:
        """Start everything; return where it is."""
        sockets = Sockets.opened(self._participants.members)
        keys = make_keys(self._participants, sockets.ports)
        await self._start_trust(keys, sockets)
        internal = self._folder / "internal.crt"
        internal.write_bytes(keys.internal.certificates[0].public_bytes(Encoding.PEM))
        anchor = self._folder / "configuration-anchor.xml"
        save_anchor(anchor, keys.central, utc_now())
        template = self._folder / DATABASE
        open_database(f"sqlite:///{template}").close()
        starting = []
        for member in self._participants.members:
            folder = self._folder / member.server_code.lower()
            (folder / "spool").mkdir(parents=True)
            shutil.copy(template, folder)  # the schema is made once
            database = open_database(f"sqlite:///{folder / DATABASE}")
            self._stack.callback(database.close)
            with database.write() as connection:
                configure(connection, sockets.ports, member)
            if member is self._participants.provider:
                self._rights = Rights(database, self._participants)
            settings = parse_settings(
                settings_text(member, sockets.ports, anchor), folder / "server.toml"
            )
            server = SecurityServer(
                settings,
                _keys_of(keys, member.server_code),
                sockets=sockets.of(member),
            )
            self._servers[member.server_code] = server
            starting.append(server.start())
        self._stack.push_async_callback(self._stop)
        await asyncio.gather(*starting)
        return {
            "consumer": sockets.url(self._participants.consumer),
            "provider": sockets.url(self._participants.provider),
            "internal": str(internal),
        }

    async def answer(self, message: Message) -> Message:
        """Do what a line asks for."""
        if self._rights is None:
            return {"failed": "The exchange has not been started"}
        try:
            answer = await asyncio.to_thread(self._rights.change, message)
            await self._servers[self._participants.provider.server_code].reload_rights()
        except XRoadError as error:
            return {"failed": f"{error.message} {error.advice}".strip()}
        except (KeyError, ValueError) as error:
            return {"failed": str(error)}
        return answer

    async def _start_trust(self, keys: Keys, sockets: Sockets) -> None:
        publisher = configuration_publisher(keys.central, keys.central_key)
        applications = {
            "configuration": publisher.application(),
            "ca_ocsp": ocsp_application(ocsp_authorities(keys.ca), clock=utc_now),
            "tsa": tsa_application(time_stamping_unit(keys.ca), clock=utc_now),
        }
        for name, application in applications.items():
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            self._stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, sockets.trust[name]).start()
        signing = asyncio.get_running_loop().create_task(publisher.keep_signing())
        self._stack.callback(signing.cancel)

    async def _stop(self) -> None:
        await asyncio.gather(
            *(server.stop(finish_seconds=0.0) for server in self._servers.values())
        )


def _keys_of(keys: Keys, code: str) -> Callable[[object], Any]:
    return lambda _: server_keys(keys, code)
