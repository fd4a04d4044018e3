"""What a token is for: signing messages, and showing a certificate in TLS."""

import itertools

import pytest

from kerege.exchange.keys import KeyAlgorithm, SoftwareSigner
from kerege.trust.ocsp_responder import ocsp_authorities, ocsp_response
from kerege.xroad.algorithms import SHA256, SHA512, signature_by_name, verify_raw
from kerege.xroad.certificates import verify_chain
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId
from kerege.xroad.ocsp import ocsp_request
from kerege.xroad.signature import (
    Part,
    SignatureTemplate,
    Signer,
    sign_messages,
    verify_signature,
)
from tests.exchange.keys.tokens import (
    add_authentication_key,
    add_signing_key,
    new_token,
)
from tests.trust.authorities import AIMAK, HOSPITAL, NOW, shared_ca

CA = shared_ca()


def test_a_signer_is_what_the_signature_module_wants(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    signer: Signer = token.signer(AIMAK)
    chain = (signer.certificate, *CA.chain, CA.root.certificate)
    responses = [
        ocsp_response(ocsp_request(one, issuer), ocsp_authorities(CA), at=NOW)
        for one, issuer in itertools.pairwise(chain)
    ]
    template = SignatureTemplate(
        signer.certificate, signer.algorithm, chain=CA.chain, ocsp_responses=responses
    )
    parts = [Part.of("/message.xml", b"<request/>")]
    (data,) = sign_messages(template, signer, [parts], NOW)
    verify_signature(data, parts, signer=AIMAK, trust=CA.trust(), at=NOW)


@pytest.mark.parametrize(
    ("algorithm", "names"),
    [
        (
            KeyAlgorithm.RSA_2048,
            ["SHA512withRSA", "SHA256withRSA", "SHA384withRSAandMGF1"],
        ),
        (KeyAlgorithm.EC_P384, ["SHA512withECDSA", "SHA256withECDSA"]),
    ],
)
def test_a_signer_signs_by_every_algorithm_of_its_key(tmp_path, algorithm, names):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK, algorithm)
    assert token.signer(AIMAK).algorithm == signature_by_name(names[0])
    for name in names:
        signer = token.signer(AIMAK, algorithm=signature_by_name(name))
        value = signer.sign(b"to be signed")
        key = signer.certificate.public_key()
        verify_raw(signer.algorithm, key, value, b"to be signed")


def test_a_key_cannot_sign_by_another_keys_algorithm(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    with pytest.raises(XRoadError) as refused:
        token.signer(AIMAK, algorithm=signature_by_name("SHA512withRSA"))
    assert refused.value.code == "unsupported_sign_algorithm"


def test_each_member_has_its_own_signer(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    add_signing_key(token, HOSPITAL)
    assert token.signer(AIMAK).certificate != token.signer(HOSPITAL).certificate
    register = ClientId(*AIMAK.codes, "register")
    assert token.signer(register).certificate == token.signer(AIMAK).certificate
    with pytest.raises(XRoadError) as refused:
        token.signer(ClientId("central-server", "COM", "60000001"))
    assert refused.value.code == "unknown_member"


def test_a_certificate_that_is_switched_off_is_not_used(tmp_path):
    token = new_token(tmp_path)
    key_id = add_signing_key(token, AIMAK)
    certificate = token.metadata.key(key_id).certificates[0].certificate
    token.set_certificate(certificate, active=False)
    with pytest.raises(XRoadError) as refused:
        token.signer(AIMAK)
    assert refused.value.code == "key_not_available"
    token.set_certificate(certificate, active=True)
    assert isinstance(token.signer(AIMAK), SoftwareSigner)


def test_the_newest_certificate_is_used(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    first = token.signer(AIMAK).certificate
    assert token.signer(AIMAK).certificate == first
    second = add_signing_key(token, AIMAK)
    token.set_certificate(first, active=False)
    newest = token.metadata.key(second).certificates[0].certificate
    assert token.signer(AIMAK).certificate == newest


def test_the_authentication_chain_has_the_intermediates_without_the_root(tmp_path):
    token = new_token(tmp_path)
    add_authentication_key(token)
    known = [CA.root.certificate, CA.ocsp.certificate, *CA.chain]
    private_key, chain = token.authentication_key(intermediates=known)
    assert chain[0].public_key() == private_key.public_key()
    assert chain[1:] == CA.chain
    assert token.authentication_key().chain == chain[:1]
    verify_chain(
        chain[0],
        extra=chain[1:],
        trust=CA.trust(),
        ocsp_responses=[
            ocsp_response(ocsp_request(one, issuer), ocsp_authorities(CA), at=NOW)
            for one, issuer in (
                (chain[0], chain[1]),
                (chain[1], CA.root.certificate),
            )
        ],
        at=NOW,
    )


def test_digests_are_as_the_reference_signs_by_default(tmp_path):
    token = new_token(tmp_path)
    add_signing_key(token, AIMAK)
    assert token.signer(AIMAK).algorithm.digest is SHA512
    other = signature_by_name("SHA256withECDSA")
    assert token.signer(AIMAK, algorithm=other).algorithm.digest is SHA256
