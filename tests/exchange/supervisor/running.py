"""A supervisor in a process of its own, with workers that do nothing (`worker`)."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.exchange.supervisor import worker as worker_program

SETTINGS = """
identifier = "TEST/GOV/1/SS1"
workers = {workers}
[listen]
client_http = "127.0.0.1:0"
client_https = ""
peer = "127.0.0.1:0"
ocsp = "127.0.0.1:0"
admin = "127.0.0.1:0"
[limits]
finish_seconds = 0.2
# worker: {kind}
"""
PATIENCE_SECONDS = 120.0


class Supervised:
    """A running supervisor and what was written."""

    def __init__(self, folder: Path, pin: str | None, **options: object) -> None:
        self.folder = folder
        self.config = folder / "server.toml"
        reading, writing = os.pipe()
        os.write(writing, (pin or "").encode())
        os.close(writing)
        given = {
            "config": str(self.config),
            "command": [sys.executable, worker_program.__file__],
            **({} if pin is None else {"pin_from": reading}),
            **options,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kerege.exchange.supervisor", json.dumps(given)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(reading,),
        )
        os.close(reading)
        self.events: list[dict[str, object]] = []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def heard(self, name: str) -> list[dict[str, object]]:
        return [event for event in tuple(self.events) if event["event"] == name]

    def wait_for(self, condition: Callable[[], bool], what: str = "") -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < ends, (what, self.events)
            time.sleep(0.01)

    def until(self, name: str, count: int = 1) -> dict[str, object]:
        self.wait_for(lambda: len(self.heard(name)) >= count, name)
        return self.heard(name)[count - 1]

    def ended(self) -> tuple[int, str]:
        code = self.process.wait(PATIENCE_SECONDS)
        self.thread.join()
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdout.close()
        with self.process.stderr as errors:
            return code, errors.read().decode()

    def admin(self, request: bytes) -> bytes:
        addresses = self.until("ready")["addresses"]
        assert isinstance(addresses, dict)
        host, _, port = addresses["admin"].partition(":")
        with socket.create_connection((host, int(port))) as end:
            end.sendall(request)
            answer = b""
            while data := end.recv(65_536):
                answer += data
        return answer


@contextmanager
def supervised(
    folder: Path, workers: int = 2, kind: str = "", pin: str | None = "right", **options
) -> Iterator[Supervised]:
    (folder / "server.toml").write_text(SETTINGS.format(workers=workers, kind=kind))
    running = Supervised(folder, pin, **options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.ended()


def wait_for_the_end_of(pids: list[object]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < ends, pids
        time.sleep(0.01)
