"""Signatures that are sound in themselves, made with a certificate that is not.

One test sends them to the provider as requests, one gives them to the consumer as
answers; the codes are the same but for who says it (`SignatureVerifier.java`).
"""

import pytest

from kerege.trust.authority import Authority, CertificateUsage, Order, Validity
from kerege.xroad.identifiers import ClientId
from tests.attacks.messages import Author
from tests.attacks.stage import Stage, impostor
from tests.instances import sandbox_instance, signer_of, spare_key
from tests.servers import Pair

CHAIN = "signature_verification.invalid_cert_path"
NO_PATH = "signature_verification.cannot_create_cert_path.internal_error"


def expired(instance, member):
    return instance.signer(member, validity=Validity.already_expired(instance.at))


def not_yet_valid(instance, member):
    return instance.signer(member, validity=Validity.not_yet_begun(instance.at))


def revoked(instance, member):
    signer = instance.signer(member)
    instance.ca.revoke(signer.certificate.serial_number)
    return signer


def of_unknown_ca(_, member):
    return sandbox_instance("OTHER").signer(member)


def of_a_ca_with_a_known_name(instance, member):
    forger = sandbox_instance(instance.name, fresh="a CA that takes another's name")
    return forger.signer(member)


def for_authentication(instance, member):
    return instance.signer(member, usage=CertificateUsage.AUTHENTICATION)


def of_another_member(instance, member):
    other = ClientId(member.instance, member.member_class, "0000")
    return instance.signer(other)


def self_signed(instance, member):
    """The holder of a good certificate makes one of its own below it."""
    holder = instance.signer(member, key=spare_key(1))
    below = Authority(holder.certificate, spare_key(1))
    order = Order(
        holder.certificate.subject,
        spare_key(0).public_key(),
        CertificateUsage.SIGNING,
        Validity.days_from(instance.at, 1),
    )
    return signer_of(below.issue(order), spare_key(0))


WRONG = [
    pytest.param(expired, NO_PATH, id="expired"),
    pytest.param(not_yet_valid, NO_PATH, id="not yet valid"),
    pytest.param(revoked, f"{CHAIN}.cert_validation", id="revoked"),
    pytest.param(of_a_ca_with_a_known_name, NO_PATH, id="forged CA"),
    pytest.param(
        for_authentication,
        "signature_verification.malformed_signature",
        id="for authentication",
    ),
    pytest.param(
        of_another_member,
        "signature_verification.incorrect_certificate",
        id="another member",
    ),
    pytest.param(
        of_unknown_ca, "signature_verification.internal_error", id="unknown CA"
    ),
    pytest.param(
        self_signed, "signature_verification.internal_error", id="below a member"
    ),
]


@pytest.mark.parametrize(("make", "code"), WRONG)
async def test_a_request_signed_with_a_wrong_certificate_is_refused(stage, make, code):
    instance = stage.pair.instance
    signer = make(instance, instance.consumer.server_id.owner)
    forged = Author.of(instance, instance.consumer, signer)
    letter = forged.request(stage.echo, method="POST", body=b"do it")
    await stage.peer_refuses(f"server.serverproxy.{code}", letter)
    assert stage.pair.service.requests == []
    assert stage.pair.provider.log.records == []
    await stage.succeeds()


@pytest.mark.parametrize(("make", "code"), WRONG)
async def test_an_answer_signed_with_a_wrong_certificate_is_refused(
    tmp_path, logs, make, code
):
    pair = Pair(tmp_path)
    instance = pair.instance
    signer = make(instance, instance.provider.server_id.owner)
    forger = Author.of(instance, instance.provider, signer)
    async with impostor(pair, forger.answer) as stranger:
        pair.consumer.peer_port = stranger.port
        async with pair:
            stage = Stage(pair, logs)
            refused = await stage.refuses(f"server.clientproxy.{code}")
            assert b'"ok"' not in refused.body
            (asked,) = pair.consumer.log.records
            assert asked.record.direction.name == "REQUEST"
            honest = Author.of(instance, instance.provider)
            stranger.answer = lambda http: honest.answer(http).answered()
            await stage.succeeds()
