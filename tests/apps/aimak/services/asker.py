"""A Security Server's part: asks the services as it would, without a socket."""

import io
import json
from dataclasses import dataclass
from typing import Any

from kerege.apps.aimak.services.listener import Services
from kerege.exchange.provider import LoopbackListener

PORT = 9001
BANK = "central-server/COM/60000001/banking"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    path: str,
    application: Services | None = None,
    *,
    peer: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """Send a GET; ``headers`` are X-Road headers: ``UserId="clerk 7"``."""
    named = {"Client": BANK, "Id": "q-1", **headers}
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(PORT),
        "REMOTE_ADDR": peer,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        **{
            f"HTTP_X_ROAD_{name.upper()}": value.encode().decode("latin-1")
            for name, value in named.items()
            if value
        },
    }
    began: list[Any] = []
    application = application or Services(LoopbackListener(PORT))
    chunks = application(environ, lambda status, fields: began.extend((status, fields)))
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    return Answer(int(began[0][:3]), dict(began[1]), body)
