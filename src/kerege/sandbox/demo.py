"""The demo: a whole X-Road instance on this machine, started, watched, stopped.

Everything listens on loopback, every key and person is synthetic. NOT FOR PRODUCTION.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Self

from kerege.sandbox.builder import Instance, build, is_built, load, move_ports, prepare
from kerege.sandbox.events import Event
from kerege.sandbox.folder import emptied, held, note_processes
from kerege.sandbox.layout import (
    BANK,
    INSTANCE,
    MEMBERS,
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    TRUST_ADDRESS,
    Files,
    MemberPlan,
    Ports,
)
from kerege.sandbox.live import LiveView
from kerege.sandbox.people import register
from kerege.sandbox.ports import find_ports
from kerege.sandbox.processes import ServerProcess, start_server
from kerege.sandbox.services import start_services
from kerege.sandbox.village import Village, is_installed, start_village

Write = Callable[[str], None]
Hear = Callable[[MemberPlan, Event], None]


def local_now() -> datetime:
    """Return the time on this machine's clock."""
    return datetime.now().astimezone()


@dataclass(slots=True)
class Demo:
    """A demo that runs. Use it as an async context manager."""

    root: Path
    write: Write
    reset: bool = False
    preferred: Ports = field(default_factory=Ports)
    hear: Hear | None = None
    """Gets the servers' log events; without, a line of each message is written."""
    instance: Instance | None = None
    servers: list[ServerProcess] = field(default_factory=list)
    village: Village | None = None
    """The register and its site; None: a table answers, for the portal is not installed."""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start(self) -> None:
        started = time.perf_counter()
        lock = self._stack.enter_context(held(self.root))
        instance = self.instance = await asyncio.to_thread(self._prepared)
        hear = self.hear or self._lines()
        with_village = is_installed()
        self._step("trust services, global configuration, village register")
        without = {"register"} if with_village else set()
        await start_services(self._stack, instance, without=without)
        self._step("security servers " + ", ".join(m.server_code for m in MEMBERS))
        results = await asyncio.gather(
            *(start_server(instance.files, m, hear, lock) for m in MEMBERS),
            self._start_village(lock) if with_village else asyncio.sleep(0),
            return_exceptions=True,
        )
        self.servers = [s for s in results if isinstance(s, ServerProcess)]
        note_processes(lock, [os.getpid(), *(s.process.pid for s in self.servers)])
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self._step(f"ready after {time.perf_counter() - started:.1f} s")

    async def _start_village(self, lock: IO[str]) -> None:
        instance = self._running()
        self.village = await start_village(
            self._stack, instance.files, instance.ports, lock, self._step
        )

    async def stop(self) -> None:
        """Stop everything that runs."""
        await asyncio.gather(*(server.stop() for server in self.servers))
        self.servers.clear()
        await self._stack.aclose()

    @property
    def ports(self) -> Ports:
        """The ports in use."""
        return self._running().ports

    def client_url(self, member: MemberPlan) -> str:
        """Return where a member's applications reach their Security Server."""
        return f"http://{member.address}:{self.ports.client_http}"

    @property
    def files(self) -> Files:
        """The instance's files."""
        return self._running().files

    def log_of(self, member: MemberPlan) -> Path:
        """Return a server's log file."""
        return self.files.server(member) / "server.log"

    def _running(self) -> Instance:
        if self.instance is None:
            raise RuntimeError("The demo has not been started")
        return self.instance

    def _prepared(self) -> Instance:
        """Find or build the instance, on ports that are free."""
        files = Files(self.root)
        if self.reset:
            emptied(self.root)
        ports = find_ports(self.preferred)
        if is_built(files):
            instance = load(files)
            if ports != instance.ports:
                self.write(_which_ports(ports, self.preferred))
                return move_ports(files, ports)
            prepare(instance)
            return instance
        if ports != self.preferred:
            self.write(_which_ports(ports, self.preferred))
        self.write("Building a new instance (once):")
        instance = build(files, ports, progress=self._step)
        prepare(instance)
        return instance

    def _step(self, text: str) -> None:
        self.write(f"  · {text}")

    def _lines(self) -> Hear:
        view = LiveView(self.write, local_now)
        return lambda _, event: view.hear(event)


def _which_ports(ports: Ports, preferred: Ports) -> str:
    chosen = f"{ports.client_http}, {ports.peer}, {ports.ocsp} and their set"
    if ports == preferred:
        return f"The usual ports are free again: using {chosen}."
    return (
        f"{preferred.client_http}, {preferred.peer}, {preferred.ocsp} or another of "
        f"the usual ports is taken: using {chosen}."
    )


def what_runs_where(demo: Demo) -> str:
    """Return what the demo prints when everything is up."""
    lines = [
        "",
        *where_things_are(demo),
        "",
        "Ask, as the citizen portal, where a (synthetic) person lives:",
        "",
        f"  {curl_line(demo)}",
        "",
        (
            f"The bank ({BANK.subsystem('banking').short.partition('/')[2]}) may ask for "
            "address-fact and not for family-members: try both."
        ),
        "Messages appear below. Ctrl-C stops everything.",
        "",
    ]
    return "\n".join(lines)


def where_things_are(demo: Demo) -> list[str]:
    """Return lines that say which server of the instance is where."""
    ports = demo.ports
    lines = [
        f"An X-Road instance '{INSTANCE}' runs on this machine. NOT FOR PRODUCTION.",
        "",
    ]
    for member in MEMBERS:
        clients = ", ".join(c.short.partition("/")[2] for c in member.clients)
        lines += [
            f"  {member.server_code}  {member.address}  {member.name:<18} {clients}",
            (
                f"       applications {ports.client_http}, {ports.client_https} (TLS); "
                f"servers {ports.peer}; OCSP {ports.ocsp}"
            ),
        ]
    return [
        *lines,
        (
            f"  configuration http://{TRUST_ADDRESS}:{ports.configuration}/internalconf, "
            f"OCSP :{ports.ca_ocsp}, time-stamps :{ports.tsa}, register :{ports.provider}"
        ),
        *_about_village(demo.village),
        f"  files in {demo.root}",
    ]


def _about_village(village: Village | None) -> list[str]:
    if village is None:
        return ["  the register is a table; a real one comes with kerege[portal]"]
    if not village.site:
        return ["  the register has no site: its style sheet is made by `make setup`"]
    return [
        f"  the register's site {village.site}, {village.persons} synthetic people:",
        f"       sign in as {village.sign_in_name}, password {village.password}",
    ]


def short_request(demo: Demo) -> tuple[str, ...]:
    """Return lines to paste that fit on a narrow screen, as one waits for messages."""
    pin = next(iter(register().people))
    return (
        " In another terminal, ask where a (synthetic) person lives:",
        "",
        f"   KEREGE=http://{PORTAL.address}:{demo.ports.client_http}",
        f"   SERVICE={PROVIDER.path}",
        f'   curl -H "X-Road-Client: {PORTAL_CLIENT.path}" \\',
        f"     $KEREGE/r1/$SERVICE/address-fact/{pin}",
    )


def curl_line(demo: Demo) -> str:
    """Return a command that works when pasted."""
    pin = next(iter(register().people))
    return (
        f'curl -H "X-Road-Client: {PORTAL_CLIENT.path}" '
        f"{demo.client_url(PORTAL)}/r1/{PROVIDER.path}/address-fact/{pin}"
    )
