"""The guide "When a certificate is about to expire", walked with real commands.

A real server runs all the time, and never stops.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.doctor import Severity
from kerege.exchange.keys import KeyUsage
from kerege.sandbox.layout import REGISTER
from kerege.trust.authority import CertificateUsage, Validity
from kerege.xroad.x509 import certificate_sha256
from tests.exchange.doctor.test_server import server_process
from tests.exchange.doctor.world import DAY, World, now, only, texts

LAST_MONTH = Validity(now() - 700 * DAY, now() + 20 * DAY)
GUIDE = Path(__file__).parents[3] / (
    "docs/how-to/when-a-certificate-is-about-to-expire.md"
)


def short(certificate: x509.Certificate) -> str:
    return certificate_sha256(certificate).hex()[:12]


async def kerege(world: World, *words: str, pin: bool = False) -> str:
    """Give a command as an operator does, in the server's folder."""
    more: tuple[str, ...] = ()
    descriptor = os.open(world.built.files.pin, os.O_RDONLY)
    if pin:
        more = ("--pin-from", f"fd:{descriptor}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kerege.cli", *words, *more),
        cwd=world.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        pass_fds=(descriptor,),
    )
    os.close(descriptor)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def new_request(world: World, usage: str, *more: str) -> tuple[str, bytes]:
    """Make a key and a request, steps 2 of the guide."""
    made = await kerege(world, "security-server", "keys", "generate", usage, pin=True)
    key = made.split()[1][:12]
    await kerege(
        *(world, "security-server", "keys", "request", key, *more),
        *("-o", f"{usage}.csr"),
        pin=True,
    )
    return key, (world.folder / f"{usage}.csr").read_bytes()


async def imported(world: World, usage: CertificateUsage, request: bytes):
    """Have the CA issue, and import what it sends, step 3."""
    made = world.ca.issue_from_request(request, usage)
    (world.folder / "new.crt").write_bytes(made.public_bytes(Encoding.PEM))
    await kerege(world, "security-server", "keys", "import", "new.crt")
    return made


@pytest.mark.slow
async def test_a_signing_certificate_is_renewed_in_time(world):
    old = world.renew(
        KeyUsage.SIGNING,
        lambda key: world.ca.issue_signing(
            key, REGISTER.member_id, REGISTER.server_id, validity=LAST_MONTH
        ),
    )
    old_key = world.key_file(KeyUsage.SIGNING).stem[:12]
    async with world, server_process(world, "ready"):
        found = await world.examine()
        only(
            *(found, "D-CERT-EXPIRES", short(old), "It ends on"),
            severity=Severity.WARNING,
            is_running=True,
        )
        member = ("--member", REGISTER.member_id.path)
        _, request = await new_request(world, "signing", *member)
        await imported(world, CertificateUsage.SIGNING, request)
        found = await world.examine()
        assert not found, texts(found)
        await kerege(world, "security-server", "reload")
        await kerege(world, "security-server", "keys", "deactivate", short(old))
        await kerege(world, "security-server", "reload")
        found = await world.examine()
        assert not found, texts(found)
        await kerege(
            *(world, "security-server", "keys", "delete-certificate", short(old)),
            "--yes",
        )
        await kerege(
            *(world, "security-server", "keys", "delete", old_key, "--yes"), pin=True
        )
        found = await world.examine()
        assert not found, texts(found)


@pytest.mark.slow
async def test_an_authentication_certificate_is_renewed_in_time(world):
    host = REGISTER.address
    old = world.renew(
        KeyUsage.AUTHENTICATION,
        lambda key: world.ca.issue_authentication(
            key, REGISTER.server_id, host=host, validity=LAST_MONTH
        ),
    )
    async with world, server_process(world, "ready"):
        _, request = await new_request(world, "authentication", "--host", host)
        new = await imported(world, CertificateUsage.AUTHENTICATION, request)
        found = await world.examine()
        waits = only(
            *(found, "D-CERT-EXPIRES", short(old), "It ends on"),
            severity=Severity.WARNING,
            is_running=True,
        )
        assert f"have {short(new)} registered" in waits.advice

        mark = ("security-server", "keys", "mark", short(new))
        await kerege(world, *mark, "registered")
        found = await world.examine()  # too early: the operator has not done it yet
        assert {f.code for f in found} == {"D-CERT-REGISTRATION", "D-PORT-CERTIFICATE"}
        await kerege(world, *mark, "saved")

        world.register(new)
        world.publish()
        await kerege(
            *(world, "configuration", "download"),
            *("--anchor", str(world.anchor), "--to", "globalconf"),
        )
        await kerege(world, *mark, "registered")
        found = await world.examine()
        only(
            *(found, "D-PORT-CERTIFICATE", "listen.peer", f"is {short(new)}."),
            severity=Severity.WARNING,
            is_running=True,
        )
        await kerege(world, "security-server", "reload")
        found = await world.examine()
        assert not found, texts(found)
        await kerege(world, "security-server", "keys", "deactivate", short(old))
        found = await world.examine()
        assert not found, texts(found)


def test_the_guide_has_every_command_that_was_walked():
    text = GUIDE.read_text(encoding="utf-8")
    for command in (
        *("keys generate signing", "keys generate authentication", "keys request"),
        *("keys import", "keys mark", "keys deactivate", "keys delete-certificate"),
        *("keys delete ", "security-server reload", "kerege doctor"),
    ):
        assert command in text
