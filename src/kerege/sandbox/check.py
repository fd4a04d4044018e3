"""The unattended demo: exercises a running sandbox and proves what it finds.

Rights given and refused, unknown people and services, containers of both sides
downloaded and verified, a clerk who signs in at the register's site and finds a person,
and no personal data in any log.
"""

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from kerege.exchange.configuration import load_directory
from kerege.sandbox.check_village import find_somebody
from kerege.sandbox.demo import Demo
from kerege.sandbox.layout import (
    BANK,
    BANK_CLIENT,
    MEMBERS,
    PORTAL,
    PORTAL_CLIENT,
    PROVIDER,
    REGISTER,
    MemberPlan,
)
from kerege.sandbox.people import register
from kerege.xroad.asic import read_container, verify_container
from kerege.xroad.identifiers import ClientId

UNKNOWN_PIN = "20101190000000"
CALLS = 10
TIMEOUT = aiohttp.ClientTimeout(total=30)

Write = Callable[[str], None]


class CheckFailedError(Exception):
    """The demo did not do what it should; the message says what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a Security Server."""

    status: int
    fault: str
    body: bytes
    query_id: str


async def exercise(demo: Demo, write: Write) -> None:
    """Exercise ``demo``. Raises `CheckFailedError`."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        caller = Caller(demo, session)
        answered = await _calls(caller)
        write(f"  ✓ {len(answered)} answers, rights given and refused as planned")
        verified = await _verify_containers(caller, answered[0])
        write(f"  ✓ {verified} containers verified: signature, OCSP, time-stamp")
    if demo.village and demo.village.site:
        problem = await find_somebody(demo.village)
        if problem:
            raise CheckFailedError(problem)
        write("  ✓ signed in at the register's site and found a person")
    _require_no_personal_data(demo)
    write("  ✓ no PIN and no name in any log")


@dataclass(slots=True)
class Caller:
    """Calls the register through a member's Security Server."""

    demo: Demo
    session: aiohttp.ClientSession

    async def call(self, member: MemberPlan, client: ClientId, path: str) -> Answer:
        """Send one GET."""
        url = f"{self.demo.client_url(member)}/r1/{PROVIDER.path}/{path}"
        async with self.session.get(
            url, headers={"X-Road-Client": client.path}
        ) as response:
            return Answer(
                response.status,
                response.headers.get("X-Road-Error", ""),
                await response.read(),
                response.headers.get("x-road-id", ""),
            )

    async def download(self, member: MemberPlan, path: str) -> tuple[int, bytes]:
        """Download from the client side's port."""
        async with self.session.get(self.demo.client_url(member) + path) as response:
            return response.status, await response.read()


async def _calls(caller: Caller) -> list[Answer]:
    people = list(register().people)
    answered: list[Answer] = []
    for pin in people[:CALLS]:
        for service in ("address-fact", "family-members"):
            answer = await caller.call(PORTAL, PORTAL_CLIENT, f"{service}/{pin}")
            _require(answer, 200)
            answered.append(answer)
        if json.loads(answered[-2].body)["pin"] != pin:
            raise CheckFailedError("The register answered about somebody else")
    unknown = await caller.call(PORTAL, PORTAL_CLIENT, f"address-fact/{UNKNOWN_PIN}")
    _require(unknown, 204)
    allowed = await caller.call(BANK, BANK_CLIENT, f"address-fact/{people[0]}")
    _require(allowed, 200)
    denied = await caller.call(BANK, BANK_CLIENT, f"family-members/{people[0]}")
    _require(denied, 500, "server.serverproxy.access_denied")
    nothing = await caller.call(PORTAL, PORTAL_CLIENT, "tax-debts")
    _require(nothing, 500, "server.serverproxy.unknown_service")
    return [*answered, unknown, allowed]


def _require(answer: Answer, status: int, fault: str = "") -> None:
    if (answer.status, answer.fault) != (status, fault):
        msg = (
            f"Expected HTTP {status} {fault}, got {answer.status} {answer.fault}: "
            f"{answer.body[:300].decode('utf-8', 'replace')}"
        )
        raise CheckFailedError(msg)


async def _verify_containers(caller: Caller, answer: Answer) -> int:
    """Download what both sides logged of one message and verify it."""
    verified = 0
    for member, client in ((PORTAL, PORTAL_CLIENT), (REGISTER, PROVIDER)):
        query = (
            f"/asic?xRoadInstance={client.instance}&memberClass={client.member_class}"
            f"&memberCode={client.member_code}&subsystemCode={client.subsystem_code}"
            f"&queryId={answer.query_id}&force"
        )
        status, content = await caller.download(member, query)
        if status != 200:
            text = content[:300].decode("utf-8", "replace")
            msg = f"{member.server_code} gives no container: HTTP {status} {text}"
            raise CheckFailedError(msg)
        folder = caller.demo.files.server(member) / "globalconf"
        configuration = await asyncio.to_thread(
            load_directory, folder, at=datetime.now(UTC)
        )
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                verify_container(read_container(archive.read(name)), configuration)
                verified += 1
    return verified


def _require_no_personal_data(demo: Demo) -> None:
    people = register().people.values()
    secrets = {person.pin for person in people} | {UNKNOWN_PIN}
    secrets |= {person.name for person in people}
    logs = [demo.log_of(member) for member in MEMBERS]
    for log in (*logs, *sorted(demo.files.village.glob("*.log"))):
        text = log.read_text(encoding="utf-8", errors="replace")
        found = [secret for secret in secrets if secret in text]
        if found:
            msg = f"Personal data in {log}: {found[0]}"
            raise CheckFailedError(msg)
