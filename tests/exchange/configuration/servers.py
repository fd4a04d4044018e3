"""Central servers for tests: a real HTTP server on loopback, and one in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from yarl import URL

from kerege.exchange.configuration import Answer
from kerege.xroad.faults import XRoadError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class LoopbackServer:
    """Answers from a table of paths (with or without query); 404 for the rest."""

    url: str = ""
    answers: dict[str, bytes | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        asked = str(request.rel_url)
        self.asked.append(asked)
        answer = self.answers.get(asked, self.answers.get(request.path, 404))
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(body=answer)


@asynccontextmanager
async def serving(
    answers: Mapping[str, bytes | int] | None = None,
) -> AsyncIterator[LoopbackServer]:
    """Serve on a port that the system gives."""
    server = LoopbackServer(answers=dict(answers or {}))
    async with running(server.handle) as server.url:
        yield server


@asynccontextmanager
async def running(handler: Handler) -> AsyncIterator[str]:
    """Answer with ``handler`` on a port that the system gives; yield the URL."""
    runner = web.ServerRunner(web.Server(handler), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield str(URL.build(scheme="http", host=host, port=port)).rstrip("/")
    finally:
        await runner.cleanup()


@dataclass
class MemoryFetcher:
    """Answers from a table of URLs; nobody is there for the rest."""

    answers: dict[str, bytes | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    async def get(self, url: str, *, limit: int) -> Answer:
        self.asked.append(url)
        answer = self.answers.get(url)
        if answer is None:
            raise XRoadError(
                "global_conf_download_url_connection_failure", f"nobody at {url}"
            )
        if isinstance(answer, int):
            return Answer(answer, b"")
        assert len(answer) <= limit
        return Answer(200, answer)

    async def aclose(self) -> None:
        self.closed = True
