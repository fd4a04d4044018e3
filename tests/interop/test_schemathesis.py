"""Schemathesis over a service's OpenAPI description, through two Security Servers.

It asks for the description with getOpenAPI, as any caller would, and then sends what
fits it and what does not. The service may refuse what it likes; no answer may be a 5xx
of ours, and the provider's side must not fail once.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import pytest
import uvicorn
from fastapi import FastAPI, Header, Query
from pydantic import BaseModel, Field

from kerege.exchange.storage.server_configuration import ServiceType
from tests.servers import Pair

pytestmark = pytest.mark.slow

SETTINGS = """
[phases.coverage]
unexpected-methods = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]
"""
"""The methods that REST messages have. Any other is `server.clientproxy.internal_error`
with HTTP 500 by the protocol, as running servers of the reference answered (recordings
`rest-unknown-verb` and `rest-lowercase-verb`)."""
EXAMPLES = 15
"""Of each operation and kind of data, while fuzzing."""


class Household(BaseModel):
    """Who lives under one roof."""

    head: str = Field(min_length=1, max_length=80)
    members: int = Field(ge=1, le=50)
    note: str | None = None


villages = FastAPI(title="Villages", version="1.0")


@villages.get("/villages/{code}/households/{number}")
def household(
    code: str,
    number: int,
    year: Annotated[int | None, Query(ge=1900)] = None,
    language: Annotated[str | None, Header()] = None,
) -> Household:
    note = f"{code} {number} {year} {language}"
    return Household(head="Асан", members=3, note=note)


@villages.post("/villages/{code}/households", status_code=201)
def add_household(code: str, household: Household) -> Household:
    return household.model_copy(update={"note": code})


@villages.put("/villages/{code}")
def change_village(
    code: str, tags: Annotated[list[str], Query()], areas: dict[str, float]
) -> dict[str, str | int]:
    return {"code": code, "tags": len(tags), "areas": len(areas)}


@villages.delete("/villages/{code}", status_code=204)
def remove_village(code: str) -> None:
    del code


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application on loopback; gives where it is."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True


async def schemathesis(folder: Path, *words: str) -> tuple[int | None, str]:
    """Run its command line in a folder."""
    (folder / "schemathesis.toml").write_text(SETTINGS)
    program = Path(sys.executable).with_name("st")
    process = await asyncio.create_subprocess_exec(
        program,
        "run",
        *words,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_no_answer_is_a_failure_of_ours(tmp_path):
    async with serving(villages) as url, Pair(tmp_path) as pair:
        described = {
            "type": ServiceType.OPENAPI3,
            "description_url": f"{url}/openapi.json",
        }
        pair.offer("villages", url=url, **described)
        port, provider = pair.consumer.ports.client, pair.provider_client
        base = f"http://127.0.0.1:{port}/r1/{provider.path}"
        code, output = await schemathesis(
            tmp_path,
            f"{base}/getOpenAPI?serviceCode=villages",
            f"--url={base}/villages",
            f"--header=X-Road-Client: {pair.client.path}",
            "--checks=not_a_server_error",
            f"--max-examples={EXAMPLES}",
            "--continue-on-failure",
            "--no-color",
            "--seed=1",
        )
        verdicts = [
            e.verdict for s in (pair.consumer, pair.provider) for e in s.exchanges
        ]
    assert code == 0, output
    assert "4 selected / 4 total" in output
    assert [one for one in verdicts if one.startswith(("server.", "5"))] == []
    assert {"200", "201", "204", "422"} <= set(verdicts)
