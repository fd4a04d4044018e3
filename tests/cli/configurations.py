"""A global configuration for the command line: in a folder, and on a source."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kerege.xroad.globalconf import (
    Anchor,
    AnchorSource,
    ManagementService,
    PrivateParameters,
)
from kerege.xroad.globalconf.directory_builder import (
    DirectoryContent,
    DirectoryPart,
    build_signed_directory,
)
from kerege.xroad.globalconf.signed_directory import (
    PRIVATE_PARAMETERS,
    SHARED_PARAMETERS,
)
from kerege.xroad.globalconf.values import ConfigurationSource
from kerege.xroad.x509 import certificate_der
from tests.instances import Instance, sandbox_instance

INTERNAL = "/internalconf"
BOUNDARIES = ("a" * 20, "b" * 20)


def instance_now() -> Instance:
    """An instance whose certificates are valid by the real clock."""
    hour = datetime.now(UTC).replace(microsecond=0, second=0, minute=0)
    return sandbox_instance(at=hour - timedelta(hours=1))


def parameters(instance: Instance) -> dict[str, bytes]:
    """Shared and private parameters, by file name."""
    service = ManagementService(
        "https://127.0.0.1:1/", instance.consumer.server_id.owner
    )
    certificate = certificate_der(instance.consumer.signer.certificate)
    source = ConfigurationSource("127.0.0.1:1", (certificate,), (certificate,))
    shared = replace(instance.shared_parameters(), sources=(source,))
    return {
        "private-params.xml": PrivateParameters(instance.name, service, 60).to_xml(),
        "shared-params.xml": shared.to_xml(),
    }


def save(instance: Instance, folder: Path, *, expires: str = "2100-01-01") -> None:
    """Write a configuration as if it had been downloaded."""
    inside = folder / instance.name
    inside.mkdir(parents=True)
    (folder / "instance-identifier").write_text(instance.name)
    for name, data in parameters(instance).items():
        metadata = {
            "configurationVersion": "6",
            "expirationDate": f"{expires}T00:00:00Z",
        }
        (inside / name).write_bytes(data)
        (inside / f"{name}.metadata").write_text(json.dumps(metadata))


@dataclass
class Source:
    """A configuration source that answers from a table."""

    answers: dict[str, bytes]
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{INTERNAL}"

    @property
    def directory(self) -> bytes:
        return self.answers[INTERNAL]


@contextmanager
def serving(instance: Instance) -> Iterator[tuple[Source, Anchor]]:
    """Serve an instance's configuration; give the source and its anchor."""
    files = parameters(instance)
    parts = tuple(
        DirectoryPart(kind, f"/V6/1/{name}", files[name])
        for kind, name in (
            (PRIVATE_PARAMETERS, "private-params.xml"),
            (SHARED_PARAMETERS, "shared-params.xml"),
        )
    )
    expires = datetime.now(UTC) + timedelta(minutes=10)
    content = DirectoryContent(instance.name, 6, expires, parts)
    signer = instance.consumer.signer
    directory = build_signed_directory(content, signer=signer, boundaries=BOUNDARIES)
    source = Source({INTERNAL: directory} | {p.location: p.data for p in parts})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = source.answers.get(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        source.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        trusted = AnchorSource(source.url, (certificate_der(signer.certificate),))
        try:
            yield source, Anchor(instance.name, (trusted,))
        finally:
            server.shutdown()
            thread.join()
