"""Wrapped and weakened signatures: over the wire, both ways, and in containers."""

import base64
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from kerege.cli import main
from kerege.xroad.algorithms import SHA512
from kerege.xroad.asic import write_container
from tests.attacks.messages import CHAIN, SIGNATURE, Author
from tests.attacks.stage import Stage, impostor
from tests.attacks.wrapping import ATTACKS
from tests.cli.test_verify import configuration as verification_configuration
from tests.servers import Pair
from tests.xroad.asic import containers

configuration = verification_configuration
NOT_VERIFIED = "signature_verification"


@pytest.mark.parametrize("what", ATTACKS)
async def test_a_request_is_refused(stage, what):
    """The server knows the signer and the form of its signatures by then."""
    code, attack = ATTACKS[what]
    for _ in range(2):
        await stage.peer_accepts(stage.author.request(stage.echo))
    stage.pair.service.requests.clear()
    stage.pair.provider.log.records.clear()
    letter = stage.author.request(stage.echo)
    forged = letter.with_content(SIGNATURE, attack(letter.of(SIGNATURE)))
    await stage.peer_refuses(f"server.serverproxy.{NOT_VERIFIED}.{code}", forged)
    assert stage.pair.service.requests == []
    assert stage.pair.provider.log.records == []
    await stage.peer_accepts(letter)


@pytest.mark.parametrize("what", ATTACKS)
async def test_an_answer_is_refused(tmp_path, logs, what):
    code, attack = ATTACKS[what]
    pair = Pair(tmp_path)
    author = Author.of(pair.instance, pair.instance.provider)

    def forged(http):
        letter = author.answer(http, body=None)
        return letter.with_content(SIGNATURE, attack(letter.of(SIGNATURE)))

    async with impostor(pair, forged) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            stage = Stage(pair, logs)
            await stage.refuses(f"server.clientproxy.{NOT_VERIFIED}.{code}")
            (asked,) = pair.consumer.log.records
            assert asked.record.direction.name == "REQUEST"


@pytest.mark.parametrize("what", ATTACKS)
def test_a_container_is_not_verified(what):
    """Its time-stamp is over the forged signature, and good."""
    code, attack = ATTACKS[what]
    message = containers.request_block()
    signature = containers.signed(message)
    forged = replace(signature, signature=attack(signature.signature))
    parts = containers.batch_stamped(message, forged)
    found, check = containers.failure(write_container(parts, time=containers.STAMPED))
    assert found.split(".")[0] == code
    assert check.name in ("REFERENCES", "SIGNATURE")


@pytest.mark.parametrize("what", ["a second signature before", "HMAC-SHA512"])
def test_the_command_says_so(what, configuration, tmp_path):
    code, attack = ATTACKS[what]
    message = containers.request_block()
    signature = containers.signed(message)
    forged = replace(signature, signature=attack(signature.signature))
    parts = containers.batch_stamped(message, forged)
    file = tmp_path / "c.asice"
    file.write_bytes(write_container(parts, time=containers.STAMPED))
    said = CliRunner().invoke(main, ["verify", "-c", str(configuration), str(file)])
    assert said.exit_code == 1
    assert code in said.output
    assert "NOT VERIFIED" in said.output


# Keys that are too weak, with a certificate of an approved CA.


def weak(instance, key):
    return instance.signer(instance.consumer.server_id.owner, key=key)


WEAK_KEYS = {
    "RSA of 1024 bits": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505
    "RSA of 2047 bits": lambda: rsa.generate_private_key(65537, 2047),  # noqa: S505
    "P-192": lambda: ec.generate_private_key(ec.SECP192R1()),
}


@pytest.mark.parametrize("space", ["\u0085", "\u00a0", "\u2003", "\u3000"])
@pytest.mark.parametrize(
    "name",
    ["X509Certificate", "SignatureValue", "EncapsulatedOCSPValue", "DigestValue"],
)
async def test_only_the_white_space_of_xml_is_none(stage, space, name):
    letter = stage.author.request(stage.echo, method="POST", body=b"x")
    for kind in (SIGNATURE, CHAIN) if name == "DigestValue" else (SIGNATURE,):
        content = letter.of(kind)
        end = f"</{'xades' if 'OCSP' in name else 'ds'}:{name}>".encode()
        assert end in content
        changed = content.replace(end, space.encode() + end, 1)
        answer = await stage.pair.provider.peer_call(
            letter.with_content(kind, changed).posted(),
            stage.pair.consumer.identity,
        )
        assert b"server.serverproxy.signature_verification.malformed" in answer.body
    assert stage.pair.service.requests == []


@pytest.mark.parametrize("what", WEAK_KEYS)
async def test_a_weak_key_signs_nothing(stage, what):
    instance = stage.pair.instance
    signer = weak(instance, WEAK_KEYS[what]())
    letter = Author.of(instance, instance.consumer, signer).request(stage.echo)
    await stage.peer_refuses(
        f"server.serverproxy.{NOT_VERIFIED}.unsupported_algorithm", letter
    )
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_a_small_exponent_gives_no_forgery(stage):
    """A cube root is a signature for verifiers that do not look at the end.

    Bleichenbacher 2006; whoever holds the certificate need not hold the key.
    """
    instance = stage.pair.instance
    key = rsa.generate_private_key(3, 3072)
    letter = Author.of(instance, instance.consumer, weak(instance, key)).request(
        stage.echo
    )
    document = letter.of(SIGNATURE)
    info = etree.fromstring(document).find(".//{*}SignedInfo")
    forged = cube_root(SHA512.of(etree.tostring(info, method="c14n")), key)
    value = re.search(rb"<ds:SignatureValue[^>]*>([^<]*)", document)[1]
    changed = document.replace(value, base64.b64encode(forged))
    await stage.peer_refuses(
        f"server.serverproxy.{NOT_VERIFIED}.invalid_signature_value",
        letter.with_content(SIGNATURE, changed),
    )
    assert stage.pair.service.requests == []
    await stage.peer_accepts(letter)


def cube_root(digest, key):
    """Return a number whose cube begins with a padded digest."""
    size = key.key_size // 8
    start = b"\0\1" + b"\xff" * 8 + b"\0"
    start += bytes.fromhex("3051300d060960864801650304020305000440") + digest
    target = int.from_bytes(start + bytes(size - len(start)))
    low, high = 0, 1 << (key.key_size // 3 + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < target else (low, middle)
    assert (low**3).to_bytes(size).startswith(start)
    return low.to_bytes(size)
