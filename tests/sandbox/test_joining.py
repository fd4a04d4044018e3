"""A server of one's own joins the demo: certified, registered, taken out again."""

import asyncio
import base64
import hashlib
from contextlib import AsyncExitStack

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.keys import KeyAlgorithm, KeyUsage
from kerege.exchange.keys.requests import certificate_request
from kerege.sandbox import joining
from kerege.sandbox.builder import build, load
from kerege.sandbox.central import shared_parameters
from kerege.sandbox.joining import JoiningError
from kerege.sandbox.layout import MEMBERS, PORTAL, REGISTER, Files, MemberPlan, Ports
from kerege.sandbox.services import configuration_publisher
from kerege.trust.ca_folder import load_ca
from kerege.trust.key_kinds import KeyKind
from kerege.trust.subjects import (
    FIVRK_PROFILE,
    authentication_subject,
    signing_subject,
)
from kerege.xroad.certificates import (
    is_authentication_certificate,
    is_signing_certificate,
)
from kerege.xroad.x509 import certificate_der

AGRICULTURE = MemberPlan(
    *("GOV", "70000077", "Ministry of Agriculture", "SS1", "127.0.0.14"),
    (("portal", "Portal"),),
)
PATIENCE_SECONDS = 180.0


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    made = Files(tmp_path_factory.mktemp("joining") / "demo")
    keys = KeyAlgorithm.EC_P256
    build(made, Ports(), kind=KeyKind.EC_P256, server_keys=keys)
    return made


@pytest.fixture
def files(made_once):
    """An instance that nobody has joined yet."""
    made_once.registrations.unlink(missing_ok=True)
    return made_once


def request(member: MemberPlan, usage: KeyUsage) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    if usage is KeyUsage.SIGNING:
        name = signing_subject(FIVRK_PROFILE, member.member_id, member.server_id)
        return certificate_request(key, usage, name)
    host = member.address
    name = authentication_subject(FIVRK_PROFILE, member.server_id, host=host)
    return certificate_request(key, usage, name, [host])


def authentication(files: Files, member: MemberPlan) -> x509.Certificate:
    return joining.certify(files, request(member, KeyUsage.AUTHENTICATION))


def shown(files: Files, member: MemberPlan) -> tuple[bytes, ...]:
    """The certificates that the configuration lists for a server."""
    servers = shared_parameters(load(files).central).security_servers
    (found,) = [one for one in servers if one.id == member.server_id]
    return tuple(each.value for each in found.auth_certificate_hashes)


def test_a_request_gets_what_it_asks_for_and_ocsp_knows_it(files):
    signing = joining.certify(files, request(AGRICULTURE, KeyUsage.SIGNING))
    shows = authentication(files, AGRICULTURE)
    assert is_signing_certificate(signing)
    assert is_authentication_certificate(shows)
    register = load_ca(files.trust).intermediate.register
    assert {signing.serial_number, shows.serial_number} <= register.keys()


def test_a_newcomer_is_in_the_configuration_with_its_subsystem(files):
    shows = authentication(files, AGRICULTURE)
    joining.register(files, AGRICULTURE.server_id, shows, newcomer=AGRICULTURE)
    assert shown(files, AGRICULTURE) == (certificate_der(shows),)
    shared = shared_parameters(load(files).central)
    assert len(shared.security_servers) == len(MEMBERS) + 1
    (member,) = [one for one in shared.members if one.code == "70000077"]
    assert member.name == "Ministry of Agriculture"
    assert [one.code for one in member.subsystems] == ["portal"]


def test_a_second_server_of_a_member_does_not_make_it_two_members(files):
    second = MemberPlan(
        *(PORTAL.member_class, PORTAL.member_code, PORTAL.name),
        *("SS4", "127.0.0.15", (("office", "Office"),)),
    )
    shows = authentication(files, second)
    joining.register(files, second.server_id, shows, newcomer=second)
    shared = shared_parameters(load(files).central)
    (member,) = [m for m in shared.members if m.code == PORTAL.member_code]
    assert [one.code for one in member.subsystems] == ["portal", "office"]


def test_the_old_certificate_stays_beside_the_new_one_until_it_is_taken_out(files):
    (old,) = shown(files, REGISTER)
    new = authentication(files, REGISTER)
    joining.register(files, REGISTER.server_id, new)
    assert shown(files, REGISTER) == (old, certificate_der(new))
    taken_out = x509.load_der_x509_certificate(old)
    assert joining.unregister(files, taken_out) == REGISTER.server_id
    assert shown(files, REGISTER) == (certificate_der(new),)
    with pytest.raises(JoiningError, match="is not registered for any server"):
        joining.unregister(files, taken_out)
    joining.unregister(files, new)
    assert shown(files, REGISTER) == ()


def test_what_cannot_be_registered_is_refused_with_the_reason(files):
    server = REGISTER.server_id
    with pytest.raises(JoiningError, match="say where it is"):
        joining.register(
            files, AGRICULTURE.server_id, authentication(files, AGRICULTURE)
        )
    signing = joining.certify(files, request(REGISTER, KeyUsage.SIGNING))
    with pytest.raises(JoiningError, match="Only authentication certificates"):
        joining.register(files, server, signing)
    known = authentication(files, REGISTER)
    joining.register(files, server, known)
    with pytest.raises(JoiningError, match="registered already"):
        joining.register(files, server, known)
    for _ in range(joining.MAX_CERTIFICATES - 2):
        joining.register(files, server, authentication(files, REGISTER))
    with pytest.raises(JoiningError, match="take old ones out"):
        joining.register(files, server, authentication(files, REGISTER))


def test_a_certificate_of_another_ca_is_refused(files, tmp_path):
    other = Files(tmp_path / "other")
    build(other, Ports(), kind=KeyKind.EC_P256, server_keys=KeyAlgorithm.EC_P256)
    strange = authentication(other, REGISTER)
    with pytest.raises(JoiningError, match="not issued by this demo's CA"):
        joining.register(files, REGISTER.server_id, strange)


def test_what_is_no_request_is_refused(files):
    with pytest.raises(JoiningError, match="no certificate request"):
        joining.certify(files, b"\x30\x03abc")
    with pytest.raises(JoiningError, match="no certificate request"):
        joining.certify(files, b"-----BEGIN nothing")
    key = ec.generate_private_key(ec.SECP256R1())
    silent = x509.CertificateSigningRequestBuilder(x509.Name([]))
    pem = silent.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    with pytest.raises(JoiningError, match="does not say what the key is for"):
        joining.certify(files, pem)


def test_without_a_demo_nothing_is_made(tmp_path):
    nowhere = Files(tmp_path / "nowhere")
    with pytest.raises(JoiningError, match="holds no demo"):
        joining.certify(nowhere, request(REGISTER, KeyUsage.SIGNING))
    assert not nowhere.root.exists()


async def test_a_running_demo_takes_over_what_commands_do(files, monkeypatch):
    monkeypatch.setattr(joining, "FOLLOW_SECONDS", 0.01)
    instance = load(files)
    publisher = configuration_publisher(instance.central, instance.central_key)
    before = dict(publisher._files)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_SECONDS):
        job = asyncio.ensure_future(joining.follow(instance, publisher))
        stack.callback(job.cancel)
        await asyncio.sleep(0)  # it has looked at the files
        new = await asyncio.to_thread(authentication, files, REGISTER)
        await asyncio.to_thread(joining.register, files, REGISTER.server_id, new)
        digest = base64.b64encode(hashlib.sha256(certificate_der(new)).digest())
        while not any(digest in content for content in publisher._files.values()):  # noqa: ASYNC110 - a file, nobody tells
            await asyncio.sleep(0.01)
        assert new.serial_number in instance.ca.intermediate.register
        assert before.items() <= publisher._files.items(), "for who downloads just now"


async def test_a_damaged_file_changes_nothing(files, monkeypatch):
    monkeypatch.setattr(joining, "FOLLOW_SECONDS", 0.01)
    instance = load(files)
    publisher = configuration_publisher(instance.central, instance.central_key)
    before = dict(publisher._files)
    async with asyncio.timeout(PATIENCE_SECONDS):
        tried = asyncio.Event()

        def damaged(*_: object) -> None:
            tried.set()
            raise ValueError("damaged")

        job = asyncio.ensure_future(joining.follow(instance, publisher))
        await asyncio.sleep(0)
        monkeypatch.setattr(joining, "read_registrations", damaged)
        files.registrations.write_text("{")
        await tried.wait()
        await asyncio.sleep(0)
        assert not job.done()
        job.cancel()
    assert publisher._files == before
