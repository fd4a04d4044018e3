"""An exchange for tests, as those who use it see it: start, offer, call, stop.

It runs in a process of its own (`kerege.sandbox.testing_host`) and ends with this one. NOT FOR PRODUCTION.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kerege.sandbox.testing.plan import Plan

if TYPE_CHECKING:
    from kerege.exchange.client import AsyncClient, Client

HOST = """\
import gc, sys
gc.disable()  # what is imported stays
sys.modules["rich"] = None  # structlog would load it for tracebacks in colour
from kerege.sandbox.testing_host.host import main
main()
"""
NO_CERTIFICATES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""Nothing here needs the system's CAs, and reading them takes a tenth of a second."""
READY_SECONDS = 120.0
"""A second on a quiet machine; a busy one takes its time."""
ANSWER_SECONDS = 120.0
"""For a change of services or rights: a few milliseconds of a database."""
STOP_SECONDS = 10.0
LAST_CHARACTERS = 4000
"""Of the log, shown when the exchange does not start."""


class ExchangeError(Exception):
    """The exchange did not start, or refused a change; the message says why."""


class Exchange:
    """A running exchange. Use it as a context manager, or `start` and `stop` it."""

    def __init__(self, plan: Plan | None = None) -> None:
        """Start nothing yet."""
        self.plan = plan or Plan()
        self.consumer_url = ""
        """Of the consumer's Security Server: where clients send their requests."""
        self.provider_url = ""
        """Of the provider's, as the provider's own information systems reach it."""
        self.internal_certificate = Path()
        """What both servers show to information systems and services: a PEM file."""
        self.seconds = 0.0
        """How long the start took."""
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def consumer(self) -> str:
        """In whose name `client` calls."""
        return self.plan.consumer

    @property
    def provider(self) -> str:
        """Whose services are offered."""
        return self.plan.provider

    def start(self) -> None:
        """Start everything. Raises `ExchangeError`."""
        began = time.perf_counter()
        folder = Path(tempfile.mkdtemp(prefix="kerege-testing-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self._log = folder / "exchange.log"
        try:
            self._process = self._spawn(folder)
            self._stack.callback(self._end)
            # While it starts: what every test needs, a third of a second of imports.
            from kerege.exchange import client as _  # noqa: F401

            ready = self._read(READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.consumer_url, self.provider_url = ready["consumer"], ready["provider"]
        self.internal_certificate = Path(ready["internal"])
        self.seconds = time.perf_counter() - began

    def stop(self) -> None:
        """Stop everything and remove its files."""
        self._stack.close()

    @property
    def log(self) -> str:
        """What both servers wrote into their system logs, one JSON object a line."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def client(self, **options: Any) -> "Client":  # noqa: ANN401 - those of `Client`
        """Return a blocking client of the consumer; options are those of `Client`."""
        from kerege.exchange.client import Client

        return Client(self.consumer_url, self.plan.consumer, **options)

    def async_client(self, **options: Any) -> "AsyncClient":  # noqa: ANN401 - likewise
        """Return a client for asyncio; options are those of `AsyncClient`."""
        from kerege.exchange.client import AsyncClient

        return AsyncClient(self.consumer_url, self.plan.consumer, **options)

    def offer(
        self,
        code: str,
        target: object,
        *,
        soap: bool = False,
        version: str | None = None,
        description: str = "",
        allowed: bool = True,
    ) -> str:
        """Let the provider offer a service; return its identifier.

        Args:
            code: The service code.
            target: What answers: a WSGI or ASGI application, which is then served on
                loopback from a thread of this process, or the address of something
                that runs already.
            soap: Whether it is a SOAP service; REST by default.
            version: The service version, for SOAP.
            description: Address of its WSDL or OpenAPI description, for getWsdl and
                getOpenAPI.
            allowed: Whether the consumer gets the right to call it.

        Raises:
            ExchangeError: the provider's server refuses it.
            RuntimeError: an ASGI application, and uvicorn is not installed.
        """
        url = target if isinstance(target, str) else self._serve(target)
        answer = self._ask(
            do="offer",
            service=code,
            version=version,
            url=url,
            soap=soap,
            description=description,
            allowed=allowed,
        )
        service: str = answer["service"]
        return service

    def allow(self, code: str, version: str | None = None) -> None:
        """Give the consumer the right to a service."""
        self._ask(do="allow", service=code, version=version)

    def deny(self, code: str, version: str | None = None) -> None:
        """Take the consumer's right to a service back."""
        self._ask(do="deny", service=code, version=version)

    def _serve(self, application: object) -> str:
        from kerege.sandbox.testing.applications import serving

        return self._stack.enter_context(serving(application))

    def _spawn(self, folder: Path) -> subprocess.Popen[bytes]:
        plan = asdict(self.plan)
        environment = os.environ | NO_CERTIFICATES | plan.pop("environment")
        paths = [entry for entry in sys.path if entry]  # as pytest has arranged them
        with self._log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-c", HOST, str(folder), json.dumps(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment | {"PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,
            )

    def _ask(self, **message: object) -> dict[str, Any]:
        with self._lock:
            process = self._running()
            if process.stdin is None:
                raise _ended(self.log)
            try:
                process.stdin.write(json.dumps(message).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                raise _ended(self.log) from None
            answer = self._read(ANSWER_SECONDS)
        if "failed" in answer:
            raise ExchangeError(answer["failed"])
        return answer

    def _read(self, seconds: float) -> dict[str, Any]:
        """Return the process's next line."""
        output = self._running().stdout
        if output is None or not select.select((output,), (), (), seconds)[0]:
            msg = f"The exchange said nothing for {seconds:g} seconds"
            raise ExchangeError(msg)
        line = output.readline()
        if not line:
            raise _ended(self.log)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ExchangeError("The exchange has not been started")
        return self._process

    def _end(self) -> None:
        """Let the process end; it does when its input does."""
        process, self._process = self._running(), None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ended(log: str) -> ExchangeError:
    return ExchangeError(
        f"The exchange's process ended. Its log ends:\n{log[-LAST_CHARACTERS:]}"
    )
