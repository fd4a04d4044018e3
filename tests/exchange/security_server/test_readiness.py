"""What `/ready` says is missing: everything that would make messages fail."""

import os
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from kerege.exchange.security_server.readiness import Readiness
from kerege.xroad.faults import XRoadError
from tests.servers import Pair


class Log:
    """The message log, as far as it is asked."""

    error: XRoadError | None = None

    def require_stampable(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
async def ready(tmp_path, sqlite_database):
    """A server of an instance, its clock, and who says whether it is ready."""
    pair = Pair(tmp_path)
    async with pair:
        server = pair.consumer
        certificates = (
            server.identity.certificates[0],
            *(signer.certificate for signer in server.signers.values()),
        )
        yield SimpleNamespace(
            pair=pair,
            server=server,
            log=Log(),
            certificates=certificates,
            readiness=Readiness(
                server.runtime,
                sqlite_database,
                Log(),  # type: ignore[arg-type]  # as far as it is asked
                certificates,
                server.ocsp.by_certificate,
            ),
        )


async def told(ready) -> list[str]:
    problems = await ready.readiness.problems()
    assert all(problem.advice for problem in problems)
    return [problem.what for problem in problems]


async def test_a_server_that_has_everything_is_ready(ready):
    assert await told(ready) == []


async def test_an_authentication_certificate_that_is_not_registered_is_named(ready):
    pair, server = ready.pair, ready.server
    other = pair.instance.identity(server.server_id)
    keys = replace(server.runtime.keys, authentication_chain=other.certificates)
    server.runtime.keys = keys
    (what,) = await told(ready)
    assert what.startswith("The authentication certificate ")
    assert "is registered for no server in the global configuration" in what


async def test_a_certificate_that_is_registered_for_another_server_is_named(ready):
    server, provider = ready.server, ready.pair.provider
    chain = provider.identity.certificates
    server.runtime.keys = replace(server.runtime.keys, authentication_chain=chain)
    (what,) = await told(ready)
    assert f"is registered for {provider.server_id.short} in the" in what


async def test_a_certificate_is_not_valid_yet_or_any_more(ready):
    begins = ready.certificates[0].not_valid_before_utc
    ready.pair.clock.now = begins - timedelta(days=1)
    said = await told(ready)
    assert f"is not valid before {begins:%Y-%m-%d %H:%M} UTC" in said[-1]
    assert not any("OCSP" in what for what in said), "that would follow from it"


@pytest.mark.parametrize(
    ("field", "value"), [("f_bavail", 1000), ("f_favail", 0)], ids=["bytes", "files"]
)
async def test_a_full_disk_is_named(ready, monkeypatch, field, value):
    spool = ready.server.runtime.spool_directory
    disk = os.statvfs(spool)
    names = ("f_bavail", "f_frsize", "f_favail", "f_files")
    full = SimpleNamespace(**{name: getattr(disk, name) for name in names})
    full.f_files = full.f_favail = 1000
    full.f_frsize, full.f_bavail = 4096, 1_000_000
    setattr(full, field, value)

    def statvfs(path: object) -> object:
        return full if path == spool else disk

    monkeypatch.setattr(os, "statvfs", statvfs)
    assert await told(ready) == [f"The disk of {spool} is full"]
