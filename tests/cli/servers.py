"""A running instance with real servers, for a whole module of tests.

Trust services run in a thread of their own, servers as processes. What a server writes
is read as it comes, so that it never waits for us.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kerege.sandbox.builder import Instance, build, prepare
from kerege.sandbox.layout import (
    PORTAL,
    PORTAL_CLIENT,
    SERVICES,
    Files,
    MemberPlan,
    Ports,
)
from kerege.sandbox.services import start_services
from tests.cli.running import RUN
from tests.ports import reserved_ports

PATIENCE_SECONDS = 180.0
Event = dict[str, object]


@contextmanager
def instance(folder: Path, first_ports: Ports) -> Iterator[Instance]:
    """Build an instance, and run its trust services and its register."""
    with reserved_ports(first_ports) as ports:
        made = build(Files(folder / "instance"), ports)
        prepare(made)
        with _services(made):
            yield made


@contextmanager
def _services(made: Instance) -> Iterator[None]:
    ready, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            await start_services(stack, made)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(PATIENCE_SECONDS)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@dataclass
class RunningServer:
    """One server's supervisor, and what all its processes have written."""

    process: subprocess.Popen[bytes]
    folder: Path
    plan: MemberPlan
    ports: Ports
    events: list[Event] = field(default_factory=list)
    reader: threading.Thread | None = None

    def read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(json.loads(line))  # every line is a whole event

    def heard(self, name: str, **having: object) -> list[Event]:
        return [
            event
            for event in tuple(self.events)
            if event["event"] == name
            and all(event.get(key) == value for key, value in having.items())
        ]

    def until(self, name: str, count: int = 1, **having: object) -> Event:
        """Wait for the event of this name, the ``count``-th from the beginning."""
        self.wait_for(lambda: len(self.heard(name, **having)) >= count, name)
        return self.heard(name, **having)[count - 1]

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < ends, (what, self.events[-10:])
            assert self.process.poll() is None or condition(), (what, self.events)
            time.sleep(0.02)

    @property
    def workers(self) -> list[int]:
        """The worker processes, those that are leaving too."""
        pid = self.process.pid
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in text.split()]

    def state(self) -> dict[str, object]:
        return json.loads(self.admin("/ready")[1])

    def admin(self, path: str) -> tuple[int, bytes]:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        return exchange((self.plan.address, self.ports.admin), head)

    def call(self) -> tuple[int, bytes]:
        """Send one message; give status and content."""
        address = (self.plan.address, self.ports.client_http)
        return exchange(address, message(close=True))

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end; give the exit code."""
        code = self.process.wait(PATIENCE_SECONDS)
        assert self.reader
        self.reader.join(PATIENCE_SECONDS)
        return code


def exchange(address: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    """Send a request, read to the end; give status and content."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as end:
        end.sendall(request)
        answer = b""
        while data := end.recv(65_536):
            answer += data
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), content


def message(*, close: bool = False) -> bytes:
    """Return a REST message to the register."""
    target = f"/r1/{SERVICES[0].service_id.path}/12345678901234"
    last = "Connection: close\r\n" if close else ""
    return (
        f"GET {target} HTTP/1.1\r\nHost: x\r\n"
        f"X-Road-Client: {PORTAL_CLIENT.path}\r\n{last}\r\n"
    ).encode()


@contextmanager
def running(
    made: Instance,
    plan: MemberPlan,
    *more: str,
    pin: bool = True,
    credentials: Path | None = None,
) -> Iterator[RunningServer]:
    """Run a server; it is told to stop at the end.

    Args:
        made: The instance.
        plan: Which of its servers.
        more: Options of `run`.
        pin: Whether it is given the PIN.
        credentials: Where systemd would keep the credential ``pin``.
    """
    folder = made.files.server(plan)
    pin_file = os.open(made.files.pin, os.O_RDONLY)
    source = ("--pin-from", f"fd:{pin_file}" if pin else "credential:pin")
    environment = dict(os.environ)
    if credentials is not None:
        environment["CREDENTIALS_DIRECTORY"] = str(credentials)
    process = subprocess.Popen(
        [*RUN, "--config", str(folder / "server.toml"), *source, *more],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        pass_fds=(pin_file,),
        env=environment,
    )
    os.close(pin_file)
    server = RunningServer(process, folder, plan, made.ports)
    server.reader = threading.Thread(target=server.read)
    server.reader.start()
    try:
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
        server.end()
        assert process.stdout
        process.stdout.close()


@contextmanager
def portal(
    made: Instance, *, workers: int = 1, more: str = ""
) -> Iterator[RunningServer]:
    """Run the portal's server with so many workers, and more settings."""
    config = made.files.server(PORTAL) / "server.toml"
    good = config.read_text()
    config.write_text(f"workers = {workers}\n{good}\n{more}")
    try:
        with running(made, PORTAL) as server:
            server.until("ready")
            yield server
    finally:
        config.write_text(good)


def runs(pid: int) -> bool:
    """Whether a process is more than an entry that nobody has asked about yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def is_refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


def stop_unkilled(server: RunningServer) -> None:
    """Tell a server to stop, and hold its supervisor until its workers have ended.

    So nobody kills them, however long a busy machine takes.
    """
    workers = server.workers
    address = (server.plan.address, server.ports.client_http)
    server.signal(signal.SIGTERM)
    server.wait_for(lambda: is_refused(address), "they have heard of it")
    server.signal(signal.SIGSTOP)
    try:
        server.wait_for(lambda: not any(map(runs, workers)), "they end by themselves")
    finally:
        server.signal(signal.SIGCONT)
    assert server.end() == 0
    assert server.heard("stopped")
