"""A sandbox instance whose servers may be killed: every process is a `Unit`.

Configuration source, OCSP responder and the service run in this process; the TSA, the
two Security Servers and PostgreSQL in processes of their own.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.crash.power import Power, build_shim
from bench.crash.units import Unit
from kerege.exchange.configuration import load_directory
from kerege.exchange.http import Handler, serve
from kerege.exchange.security_server.settings import Settings, load_settings
from kerege.exchange.storage import Database, open_database
from kerege.sandbox.builder import Instance, build, configure, prepare
from kerege.sandbox.layout import (
    PORTAL,
    REGISTER,
    TRUST_ADDRESS,
    Files,
    MemberPlan,
    Ports,
)
from kerege.sandbox.ports import find_ports
from kerege.sandbox.services import start_services
from kerege.xroad.globalconf import GlobalConf
from tests.postgres import PostgresServer, binaries, unprivileged

START_SECONDS = 30.0
LARGEST_LOGGED = 3 * 1024 * 1024
"""So that some bodies of the traffic are larger than what is logged."""
SETTINGS = f"""
[message_log]
largest_logged_body_bytes = {LARGEST_LOGGED}
archive_interval_seconds = 4.0
archive_max_bytes = 4000000
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to run an instance."""

    database: str = "sqlite"
    """Or ``postgresql``."""
    with_power: bool = False
    """Whether the power can be cut."""
    lies: bool = False
    """Whether the disk only says that it synced."""
    settings: str = SETTINGS
    """Added to both servers' settings files."""
    arguments: tuple[str, ...] = ()
    """Added to the command that runs a server."""
    disk_bytes: int = 0
    """Size of a file system of its own for the provider's large bodies; 0 for none."""


@dataclass(slots=True)
class World:
    """A running instance. Use `started`."""

    folder: Path
    instance: Instance
    consumer: Unit
    provider: Unit
    tsa: Unit
    postgres: Unit | None
    power: Power | None
    stacks: dict[str, AsyncExitStack] = field(default_factory=dict)
    """What runs in this process: ``configuration``, ``ocsp``, ``register``."""
    has_small_disk: bool = False
    """Whether the provider's large bodies have a file system of their own."""

    @property
    def files(self) -> Files:
        """The instance's files."""
        return self.instance.files

    @property
    def machine(self) -> list[Unit]:
        """What a power cut stops, the database first."""
        database = [self.postgres] if self.postgres else []
        return [*database, self.provider, self.consumer]

    def settings(self, member: MemberPlan) -> Settings:
        """Return a server's settings."""
        return load_settings(self.files.server(member) / "server.toml")

    def database(self, member: MemberPlan) -> Database:
        """Open a server's database."""
        return open_database(self.settings(member).database_url)

    def configuration(self, member: MemberPlan) -> GlobalConf:
        """Return the global configuration that a server has."""
        return load_directory(self.files.server(member) / "globalconf")

    async def bring(self, name: str, service: Handler | None = None) -> None:
        """Start the configuration source, the OCSP responder or the register."""
        stack = self.stacks[name] = AsyncExitStack()
        if name == "register" and service is not None:
            port = self.instance.ports.provider
            register = await serve(service, TRUST_ADDRESS, port)
            stack.push_async_callback(register.close)
        else:
            others = {"configuration", "ocsp", "tsa", "register"} - {name}
            await start_services(stack, self.instance, without=others)

    async def take_away(self, name: str) -> None:
        """Stop what `bring` started."""
        await self.stacks.pop(name).aclose()

    async def close(self) -> None:
        """Stop everything and remove the files."""
        for unit in (self.consumer, self.provider, self.tsa):
            await unit.stop()
        if self.postgres:
            await self.postgres.stop(signal.SIGINT)
        for name in tuple(self.stacks):
            await self.take_away(name)
        if self.power:
            self.power.close()
        if self.has_small_disk:
            spool = self.files.server(REGISTER) / "spool"
            command = ["umount", "-l", str(spool)]
            await asyncio.to_thread(subprocess.run, command, check=False)
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


async def started(folder: Path, plan: Plan, service: Handler) -> World:
    """Build an instance in ``folder``, which is empty, and start it.

    `World.close` removes the folder. ``service`` answers as the provider's information
    system. Runs beside each other look for ports in different places.
    """
    ports = find_ports(Ports().shifted(2000 + 100 * (os.getpid() % 150)))
    instance, server = await asyncio.to_thread(_built, folder, plan, ports)
    power = _power(folder, lies=plan.lies) if plan.with_power else None
    environment = power.environment if power else {}
    world = World(
        folder,
        instance,
        _server(instance, PORTAL, environment, plan),
        _server(instance, REGISTER, environment, plan),
        _tsa(folder, instance),
        _postgres(server, environment) if server else None,
        power,
    )
    for name in ("configuration", "ocsp", "register"):
        await world.bring(name, service)
    if server and world.postgres:
        world.postgres.start()
        await asyncio.to_thread(_wait_for, server)
    for member in (PORTAL, REGISTER):
        url = server.create_database() if server else ""
        await asyncio.to_thread(_settle, instance, member, url, plan.settings)
    if plan.disk_bytes:
        world.has_small_disk = _mounted(instance, plan.disk_bytes)
    for unit in (world.tsa, world.provider, world.consumer):
        unit.start()
    return world


def _mounted(instance: Instance, size: int) -> bool:
    """Give the provider's large bodies a file system of their own, if we may."""
    spool = instance.files.server(REGISTER) / "spool"
    spool.mkdir(mode=0o700, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"mode=700,size={size}", "soak"]
    done = subprocess.run([*command, str(spool)], check=False, capture_output=True)
    return done.returncode == 0


def _built(
    folder: Path, plan: Plan, ports: Ports
) -> tuple[Instance, PostgresServer | None]:
    folder.chmod(0o755)  # PostgreSQL runs as another user
    instance = build(Files(folder / "instance"), ports)
    prepare(instance)
    is_postgres = plan.database == "postgresql"
    return instance, _prepared(folder / "postgres") if is_postgres else None


def _power(folder: Path, *, lies: bool) -> Power:
    roots = [folder / "instance" / "servers"]
    if (folder / "postgres").is_dir():  # its sockets are elsewhere, in /run
        roots.append(folder / "postgres" / "data")
    return Power(build_shim(folder), roots, folder / "graves", lies=lies)


def _settle(instance: Instance, member: MemberPlan, url: str, settings: str) -> None:
    """Give a server its database and our settings."""
    path = instance.files.server(member) / "server.toml"
    text = path.read_text(encoding="utf-8")
    if url:
        text = f'database = "{url}"\n' + text
        database = open_database(url)
        with database.write() as connection:
            configure(connection, instance.ports, member)
        database.close()
    path.write_text(text + settings, encoding="utf-8")


def _server(
    instance: Instance,
    member: MemberPlan,
    environment: dict[str, str],
    plan: Plan,
) -> Unit:
    folder = instance.files.server(member)
    command = [sys.executable, "-m", "kerege.cli", "security-server", "run"]
    command += ["--config", str(folder / "server.toml"), "--pin-from", "fd:{secret}"]
    return Unit(
        member.server_code,
        [*command, *plan.arguments],
        instance.files.root / f"{member.server_code}.log",
        environment,
        instance.files.pin.read_bytes(),
    )


def _tsa(folder: Path, instance: Instance) -> Unit:
    command = [sys.executable, "-m", "bench.crash.tsa", str(instance.files.root)]
    top = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(filter(None, [str(top), os.environ.get("PYTHONPATH")]))
    return Unit("TSA", command, folder / "tsa.log", {"PYTHONPATH": path})


def _prepared(folder: Path) -> PostgresServer:
    """Make PostgreSQL's files; it will sync what it commits."""
    programs = binaries()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed")
    folder.mkdir(exist_ok=True)
    if user := unprivileged():
        os.chown(folder, user.pw_uid, user.pw_gid)
    server = PostgresServer(programs, folder)
    server.initialize()
    return server


def _postgres(server: PostgresServer, environment: dict[str, str]) -> Unit:
    data = server.folder / "data"
    command = [str(server.programs / "postgres"), "-D", str(data)]
    command += ["-k", str(server.folder)]
    options = ("listen_addresses=", "fsync=on", "jit=off", "shared_buffers=32MB")
    for option in (*options, "max_wal_size=64MB", "checkpoint_timeout=30s"):
        command += ["-c", option]
    user = unprivileged()
    return Unit(
        "PostgreSQL",
        command,
        server.folder.parent / "postgres.log",
        environment,
        user=(user.pw_uid, user.pw_gid) if user else None,
    )


def _wait_for(server: PostgresServer) -> None:
    """Return when PostgreSQL lets somebody in."""
    import psycopg  # here: SQLite runs do not need it

    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(
                host=str(server.folder), user="kerege", dbname="postgres"
            ).close()
        except psycopg.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)
        else:
            return
