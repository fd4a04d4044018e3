"""Keys and certificates that are wrong, each alone."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

from kerege.exchange.doctor import Severity
from kerege.exchange.keys import KeyUsage
from kerege.exchange.keys.server_keys import internal_identity
from kerege.exchange.storage.server_configuration import (
    ClientStatus,
    ConnectionType,
    add_client,
)
from kerege.sandbox.layout import BANK, PORTAL, REGISTER
from kerege.trust.authority import Validity
from kerege.trust.ca import SandboxCA
from kerege.trust.key_kinds import generate_key
from kerege.trust.subjects import service_subject
from kerege.xroad.x509 import certificate_sha256
from tests.exchange.doctor.world import DAY, now, only

AUTHENTICATION, SIGNING = KeyUsage.AUTHENTICATION, KeyUsage.SIGNING


def short(certificate) -> str:
    return certificate_sha256(certificate).hex()[:12]


def authentication(world, validity=None, server=REGISTER, ca=None):
    """How the CA would issue the server's authentication certificate."""
    return lambda key: (ca or world.ca).issue_authentication(
        key, server.server_id, host=server.address, validity=validity
    )


def signing(world, validity=None, member=REGISTER):
    """How the CA would issue the member's signing certificate."""
    return lambda key: world.ca.issue_signing(
        key, member.member_id, REGISTER.server_id, validity=validity
    )


def days(first: int, last: int) -> Validity:
    return Validity(now() + first * DAY, now() + last * DAY)


# The token's files.


async def test_a_token_that_is_not_there(world):
    (world.folder / "token").rename(world.folder / "elsewhere")
    async with world:
        found = await world.examine()
    only(found, "D-TOKEN-MISSING", str(world.folder / "token"), "No file")


async def test_a_token_whose_list_is_damaged(world):
    (world.folder / "token" / "token.json").write_bytes(b'{"format": 1')
    async with world:
        found = await world.examine()
    only(found, "D-TOKEN-DAMAGED", "token", "metadata cannot be read")


async def test_a_token_that_others_may_change(world):
    (world.folder / "token").chmod(0o777)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-TOKEN-PERMISSIONS", "token", "Others than its owner")
    assert "chmod 700" in wrong.advice


async def test_a_list_of_keys_that_others_may_read(world):
    (world.folder / "token" / "token.json").chmod(0o644)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-TOKEN-PERMISSIONS", "token", "may be read by others")
    assert "chmod 600" in wrong.advice


async def test_a_key_file_that_others_may_read(world):
    world.key_file(SIGNING).chmod(0o640)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-TOKEN-PERMISSIONS", "token", "has mode 640")
    assert f"chmod 600 {world.folder / 'token'}/*.pem" in wrong.advice


async def test_a_key_file_that_is_gone(world):
    file = world.key_file(SIGNING)
    file.unlink()
    async with world:
        found = await world.examine()
    wrong = only(found, "D-KEY-MISSING", f"signing key {file.stem[:12]}", str(file))
    assert "backup" in wrong.advice


@pytest.mark.parametrize("cut", [slice(0, 0), slice(0, 400), slice(100, None)])
async def test_a_key_file_that_is_damaged(world, cut):
    file = world.key_file(AUTHENTICATION)
    file.write_bytes(file.read_bytes()[cut])
    async with world:
        found = await world.examine()
    only(found, "D-KEY-DAMAGED", "authentication key", str(file))


async def test_a_key_of_the_https_port_that_does_not_fit_its_certificate(world):
    internal_identity(world.folder)
    pem = generate_key().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (world.folder / "internal.key").write_bytes(pem)
    async with world:
        found = await world.examine()
    only(found, "D-TLS-KEY", "internal.key", "does not belong to certificate")


async def test_a_certificate_of_the_https_port_in_its_last_month(world):
    identity = internal_identity(world.folder)
    ends = identity.certificates[0].not_valid_after_utc
    key = identity.private_key
    made = world.ca.issue_tls_server(
        key.public_key(), "ss2.example.kg", validity=days(-300, 20)
    )
    (world.folder / "internal.crt").write_bytes(made.public_bytes(Encoding.PEM))
    assert ends > made.not_valid_after_utc
    async with world:
        found = await world.examine()
    only(
        *(found, "D-TLS-EXPIRES", "internal.crt", "It ends on"),
        severity=Severity.WARNING,
    )


# With the PIN.


async def test_the_right_pin_opens_everything(world):
    async with world:
        found = await world.examine(pin=world.built.pin)
    assert [f.code for f in found] == ["D-SERVER-DOWN"]


async def test_a_pin_that_is_wrong(world):
    async with world:
        found = await world.examine(pin="Not-the-pin-1")
    wrong = only(found, "D-PIN-WRONG", str(world.folder / "token"), "is wrong")
    assert "cannot be recovered" in wrong.advice


async def test_a_key_file_of_another_backup(world):
    """It is whole and encrypted: without the PIN nobody can tell."""
    signing_key, other = world.key_file(SIGNING), world.key_file(AUTHENTICATION)
    signing_key.write_bytes(other.read_bytes())
    async with world:
        found = await world.examine(pin=world.built.pin)
        unseen = await world.examine()
    only(found, "D-KEY-OTHER", "token", "holds another key")
    assert [f.code for f in unseen] == ["D-SERVER-DOWN"]


async def test_a_damaged_key_file_is_told_once_also_with_the_pin(world):
    world.key_file(SIGNING).write_bytes(b"")
    async with world:
        found = await world.examine(pin=world.built.pin)
    only(found, "D-KEY-DAMAGED", "signing key", "does not hold a whole")


# The certificates.


async def test_no_authentication_certificate(world):
    world.token().delete_certificate(world.certificate(AUTHENTICATION))
    async with world:
        found = await world.examine()
    wrong = only(found, "D-AUTH-CERT-NONE", "SS2", "has no authentication certificate")
    assert "waits for its certificate" in wrong.what


async def test_a_member_that_cannot_sign(make_world):
    world = make_world(change_shared=_with_member_of_bank)
    with world.database() as connection:
        add_client(
            connection,
            BANK.clients[0],
            connection_type=ConnectionType.HTTP,
            status=ClientStatus.REGISTERED,
        )
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-SIGN-CERT-NONE", BANK.member_id.path, "no signing certificate"),
    )
    assert "keys request KEY --member ID" in wrong.advice


async def test_an_authentication_certificate_that_has_expired(world):
    made = world.renew(AUTHENTICATION, authentication(world, days(-30, -4)))
    async with world:
        found = await world.examine()
    wrong = only(found, "D-CERT-EXPIRED", short(made), "4 days ago")
    assert wrong.subject.startswith("authentication certificate")
    assert "when-a-certificate-is-about-to-expire" in wrong.advice


async def test_a_signing_certificate_that_has_expired(world):
    made = world.renew(SIGNING, signing(world, days(-30, -2)))
    async with world:
        found = await world.examine()
    only(found, "D-CERT-EXPIRED", f"signing certificate {short(made)}", "2 days ago")


@pytest.mark.parametrize(
    ("usage", "issue"), [(AUTHENTICATION, authentication), (SIGNING, signing)]
)
async def test_a_certificate_in_its_last_month_is_told_before_it_ends(
    world, usage, issue
):
    made = world.renew(usage, issue(world, days(-300, 20)))
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-CERT-EXPIRES", f"{usage.value} certificate {short(made)}", "in 19"),
        severity=Severity.WARNING,
    )
    assert "Renew it now" in wrong.advice


async def test_a_last_month_with_a_later_certificate_that_waits(world):
    old = world.renew(AUTHENTICATION, authentication(world, days(-300, 20)))
    new = world.renew(
        AUTHENTICATION, authentication(world), keep_old=True, registered=False
    )
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-CERT-EXPIRES", short(old), "It ends on"),
        severity=Severity.WARNING,
    )
    assert f"have {short(new)} registered" in wrong.advice


async def test_a_month_and_a_day_is_not_the_last_month(world):
    world.renew(SIGNING, signing(world, days(-300, 32)))
    async with world:
        found = await world.examine()
    assert [f.code for f in found] == ["D-SERVER-DOWN"]


async def test_a_certificate_that_is_not_valid_yet(world):
    made = world.renew(SIGNING, signing(world, days(3, 30)))
    async with world:
        found = await world.examine()
    only(found, "D-CERT-NOT-YET", short(made), "It is valid from")


async def test_a_certificate_that_is_switched_off(world):
    certificate = world.certificate(AUTHENTICATION)
    world.token().set_certificate(certificate, active=False)
    async with world:
        found = await world.examine()
    wrong = only(found, "D-CERT-INACTIVE", short(certificate), "switched off")
    assert f"keys activate {short(certificate)}" in wrong.advice


async def test_a_certificate_that_is_not_registered(world):
    registered = world.instance.central.authentication[REGISTER.server_code]
    made = world.renew(AUTHENTICATION, authentication(world))
    world.register(registered)
    async with world:
        found = await world.examine()
    wrong = only(
        found, "D-CERT-REGISTRATION", short(made), "does not list it for server"
    )
    assert "registration" in wrong.advice


async def test_a_certificate_that_is_registered_for_another_server(make_world):
    world = make_world(change_shared=_hashes_exchanged)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CERT-REGISTRATION", short(world.certificate(AUTHENTICATION))),
        "registered for server central-server/GOV/70000001/SS1",
        consequences=("D-PEER-CERTIFICATE",),
    )


async def test_a_certificate_of_a_ca_that_is_not_approved(world):
    other = SandboxCA.create("central-server")
    subject = service_subject("central-server", "Another CA")
    authority = other.root.subordinate(
        subject, generate_key(), Validity.days_from(now(), 100)
    )
    other = replace(other, intermediate=authority)
    made = world.renew(AUTHENTICATION, authentication(world, ca=other))
    async with world:
        found = await world.examine()
    only(found, "D-CERT-ISSUER", short(made), "CN=Another CA,")


async def test_a_certificate_of_a_ca_that_only_has_an_approved_name(world):
    other = SandboxCA.create("central-server")
    made = world.renew(SIGNING, lambda key: signing_of(other, key))
    async with world:
        found = await world.examine()
    only(
        found,
        "D-CERT-ISSUER",
        short(made),
        "is not an approved CA",
        consequences=("D-OCSP-UNKNOWN",),
    )


def signing_of(ca, key):
    return ca.issue_signing(key, REGISTER.member_id, REGISTER.server_id)


async def test_a_certificate_for_another_use(world):
    def change(document):
        keys = {key["usage"]: key for key in document["keys"]}
        key = load_der_public_key(_bytes(keys["authentication"]["public_key"]))
        made = signing(world)(key)
        world.register(made)
        _put(keys["authentication"], made)

    _edit_token(world, change)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CERT-USAGE", "authentication certificate"),
        "has neither digitalSignature nor an encipherment bit",
    )


async def test_a_signing_certificate_of_another_member(world):
    world.renew(SIGNING, signing(world, member=PORTAL))
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CERT-MEMBER", "signing certificate"),
        f"names {PORTAL.member_id.path} and is used for {REGISTER.member_id.path}",
    )


async def test_a_certificate_that_was_issued_for_another_key(world):
    def change(document):
        keys = {key["usage"]: key for key in document["keys"]}
        _put(keys["signing"], signing(world)(generate_key().public_key()))

    _edit_token(world, change)
    async with world:
        found = await world.examine()
    only(found, "D-CERT-KEY", "signing certificate", "issued for another key")


async def test_an_issuing_ca_in_its_last_month(world):
    ca = world.ca
    key = generate_key()
    subject = service_subject("central-server", "Sandbox Issuing CA")
    short_lived = ca.root.subordinate(subject, key, days(-300, 20))
    world.ca = replace(ca, intermediate=short_lived)
    world.instance = replace(
        world.instance,
        ca=world.ca,
        central=replace(world.instance.central, ca=world.ca),
    )
    world.renew(AUTHENTICATION, authentication(world))
    world.renew(SIGNING, signing(world))
    async with world:
        found = await world.examine()
    codes = {f.code for f in found}
    assert "D-CA-EXPIRES" in codes
    (wrong,) = (f for f in found if f.code == "D-CA-EXPIRES")
    assert "Sandbox Issuing CA" in wrong.subject
    assert "It ends on" in wrong.what


def _edit_token(world, change) -> None:
    """Change the token's list as no command would."""
    file = world.folder / "token" / "token.json"
    document = json.loads(file.read_bytes())
    change(document)
    file.write_text(json.dumps(document))


def _put(key, certificate) -> None:
    der = certificate.public_bytes(Encoding.DER)
    key["certificates"][0]["certificate"] = base64.b64encode(der).decode()


def _bytes(text):
    return base64.b64decode(text)


def _with_member_of_bank(shared):
    """Have the bank's subsystem registered at the register's server too."""
    servers = tuple(
        replace(server, clients=(*server.clients, *BANK.clients))
        if server.code == REGISTER.server_code
        else server
        for server in shared.security_servers
    )
    return replace(shared, security_servers=servers)


def _hashes_exchanged(shared):
    """Register the certificate of each of two servers for the other one."""
    by_code = {server.code: server for server in shared.security_servers}
    other = {"SS1": "SS2", "SS2": "SS1"}
    servers = tuple(
        replace(
            server,
            auth_certificate_hashes=by_code[
                other.get(server.code, server.code)
            ].auth_certificate_hashes,
        )
        for server in shared.security_servers
    )
    return replace(shared, security_servers=servers)
