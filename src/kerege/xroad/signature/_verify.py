"""Verifying signatures of messages and containers.

The checks keep the order of `SignatureVerifier.verify`; where two things are wrong, the
peer learns the same code from us as from the reference.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hmac import compare_digest
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from kerege.xroad.algorithms import ecdsa_raw_to_der, verify_raw
from kerege.xroad.certificates import (
    ChainVerifier,
    Trust,
    VerifiedChain,
    member_of,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import HashChainReport, InputDigest, verify_hash_chain
from kerege.xroad.identifiers import ClientId
from kerege.xroad.identity import ByIdentity
from kerege.xroad.signature._forms import SignatureForm
from kerege.xroad.signature._model import (
    HASH_CHAIN_NAME,
    HASH_CHAIN_RESULT_NAME,
    MESSAGE,
    Part,
    SignatureData,
)
from kerege.xroad.signature._parse import ParsedSignature, Reference, parse_signature
from kerege.xroad.skeleton import Forms
from kerege.xroad.x509 import public_key

REMEMBERED_SIGNATURES = 256
"""Batch signatures kept: those of a few seconds, about 20 KB each."""
MAX_REMEMBERED_BYTES = 64 * 1024
"""Largest signature document kept."""

REMEMBERED_FORMS = 128
"""Forms of signatures kept, one for each signer that is busy: 30 KB each."""
_CERTIFICATE = b"X509Certificate>"
_KEY_FROM, _KEY_TO = 600, 720
"""Characters of a certificate that lie in its public key: they tell signers apart."""
REMEMBERED_MEMBERS = 1024
"""Names read from certificates; a certificate takes 1 to 2 KB."""

_key_of = ByIdentity(public_key, REMEMBERED_MEMBERS)
"""Reading a key from its certificate costs as much as checking a value with it."""


def _nothing(_uri: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class VerificationRules:
    """Where messages and containers differ."""

    check_schema: bool = True
    """Whether the document must follow the grammar of messages."""
    compare_references: bool = False
    """Whether a part that differs from its DataRef is ``invalid_hash_chain_ref``; else
    it shows at the top of the chain, as ``invalid_hash_chain``."""
    trust_missing: Callable[[str], bool] = _nothing
    """Whether the chain's own digest may stand for a document that is not at hand."""


MESSAGE_RULES = VerificationRules()


class VerifiedSignature(NamedTuple):
    """A signature that holds."""

    parsed: ParsedSignature
    signer: ClientId
    """The member named in the certificate."""
    chain: VerifiedChain
    trusted: tuple[tuple[str, InputDigest], ...]
    """Documents that the hash chain covers but that were not at hand to compare."""

    @property
    def certificate(self) -> x509.Certificate:
        """The signing certificate."""
        return self.parsed.certificate


def verify_signature(
    data: SignatureData,
    parts: Sequence[Part],
    *,
    signer: ClientId,
    trust: Trust,
    at: datetime,
) -> VerifiedSignature:
    """Verify the signature of one message; servers keep a `SignatureVerifier` instead.

    See `SignatureVerifier.verify`; ``trust`` is that of the signer's instance.
    """
    return SignatureVerifier(trust).verify(data, parts, signer=signer, at=at)


class SignatureVerifier:
    """Verifies signatures of members of one instance, and remembers batch signatures.

    Only what follows from the bytes is remembered: that a signature value fits what it
    signs, and where the values stand in one signer's documents. What depends on time
    is asked every time; certificate chains have their own memory in `ChainVerifier`.
    """

    def __init__(self, trust: Trust, chains: ChainVerifier | None = None) -> None:
        """Start with nothing remembered.

        Args:
            trust: That of the signers' instance; a new one needs a new verifier.
            chains: Remembers certificate chains; may be shared with the TLS layer.
        """
        self.trust = trust
        self._chains = chains or ChainVerifier(trust)
        self._members: dict[str, ByIdentity[x509.Certificate, ClientId]] = {}
        self._remembered: OrderedDict[bytes, ParsedSignature] = OrderedDict()
        self._forms: Forms[ParsedSignature] = Forms(REMEMBERED_FORMS, _signer_bytes)

    def verify(
        self,
        data: SignatureData,
        parts: Sequence[Part],
        *,
        signer: ClientId,
        at: datetime,
        rules: VerificationRules = MESSAGE_RULES,
    ) -> VerifiedSignature:
        """Check that ``signer``'s member signed all ``parts``.

        Args:
            data: The signature, with its hash chain if it has one.
            parts: Everything the message consists of; each must be covered.
            signer: Who the message says it is from.
            at: When certificates must be valid: now, or the time of a time-stamp.
            rules: Those of containers differ.

        Raises:
            XRoadError: in this order, ``invalid_xml`` or ``malformed_signature`` if the
                document is no signature of the profile, or over something else; ``malformed_signature.`` and
                a code of `verify_hash_chain`; ``malformed_signature`` if the
                certificate is not for signing or a part is not covered;
                ``incorrect_certificate`` if it is another member's;
                ``invalid_signature_value``; codes of the certificate chain
                (``invalid_cert_path...``, ``cannot_create_cert_path``).
        """
        remembered = self._remembered.get(data.signature)
        known = remembered or self._read_quickly(data.signature, rules)
        parsed = known or parse_signature(
            data.signature, check_schema=rules.check_schema
        )
        _require_profile_reference(parsed)
        report = _verify_hash_chain(data, parts, parsed, rules)
        self._require_signer(parsed, signer)
        _require_coverage(parsed, parts, report)
        _verify_documents(data, parts, parsed)
        if remembered is None:
            _verify_value(parsed)
        chain = self._chains.verify(
            parsed.certificate,
            extra=parsed.certificates,
            ocsp_responses=parsed.ocsp_values,
            at=at,
        )
        if rules.check_schema and len(data.signature) <= MAX_REMEMBERED_BYTES:
            if known is None and self._forms.may_learn(data.signature):
                form = SignatureForm.of(data.signature, parsed)
                self._forms.learn(data.signature, form)
            if report is not None:
                self._remember(data.signature, parsed)
        trusted = report.trusted if report is not None else ()
        return VerifiedSignature(parsed, signer.member, chain, trusted)

    def _require_signer(self, parsed: ParsedSignature, signer: ClientId) -> None:
        """Compare members: a certificate of any member must not sign for all.

        `member_of` first checks that the certificate is for signing.
        """
        instance = signer.instance
        members = self._members.get(instance)
        if members is None:
            named_in = partial(member_of, trust=self.trust, instance=instance)
            members = ByIdentity(named_in, REMEMBERED_MEMBERS)
            if instance == self.trust.instance:
                self._members[instance] = members
        named = members(parsed.certificate)
        if named.member != signer.member:
            raise XRoadError(
                "incorrect_certificate",
                f"The certificate is that of {named.member.short}, the message is from "
                f"{signer.member.short}",
            )

    def _read_quickly(
        self, signature: bytes, rules: VerificationRules
    ) -> ParsedSignature | None:
        """Read a document that is like one that was verified."""
        return self._forms.read(signature) if rules.check_schema else None

    def _remember(self, signature: bytes, parsed: ParsedSignature) -> None:
        """Remember a signature with which other messages of a batch may come."""
        self._remembered[signature] = parsed
        self._remembered.move_to_end(signature)
        while len(self._remembered) > REMEMBERED_SIGNATURES:
            self._remembered.popitem(last=False)


def _signer_bytes(signature: bytes) -> bytes:
    begin = signature.find(_CERTIFICATE)
    if begin < 0:
        return b""
    return signature[begin + _KEY_FROM : begin + _KEY_TO]


def _require_profile_reference(parsed: ParsedSignature) -> None:
    """A signature is over a message or over a hash chain result, if over nothing else."""
    if not {MESSAGE, HASH_CHAIN_RESULT_NAME} & parsed.documents.keys():
        raise XRoadError(
            "malformed_signature",
            f"The signature refers neither to {MESSAGE} nor to "
            f"{HASH_CHAIN_RESULT_NAME}",
        )


def _verify_hash_chain(
    data: SignatureData,
    parts: Sequence[Part],
    parsed: ParsedSignature,
    rules: VerificationRules,
) -> HashChainReport | None:
    """Verify the chain if the signature refers to its result.

    One that it does not refer to could be anybody's: it has no place in a message, and
    in a container it says nothing.
    """
    is_signed = HASH_CHAIN_RESULT_NAME in parsed.documents
    if data.hash_chain_result is not None and not is_signed and rules.check_schema:
        raise XRoadError(
            "malformed_signature",
            "The message has a hash chain that its signature does not cover",
        )
    if data.hash_chain_result is None or not is_signed:
        return None
    contents = {part.uri: part.content for part in parts}
    contents[HASH_CHAIN_NAME] = data.hash_chain
    try:
        return verify_hash_chain(
            data.hash_chain_result,
            inputs={p.uri: InputDigest(p.algorithm, p.digest) for p in parts},
            resolve=contents.get,
            trust_missing=rules.trust_missing,
            compare_references=rules.compare_references,
        )
    except XRoadError as error:
        raise error.with_prefix("malformed_signature") from error


def _require_coverage(
    parsed: ParsedSignature, parts: Sequence[Part], report: HashChainReport | None
) -> None:
    """Every part must be signed: the reference lets unsigned attachments through."""
    if len({part.uri for part in parts}) != len(parts):
        raise XRoadError("malformed_signature", "Two parts have the same name")
    if report is None and HASH_CHAIN_RESULT_NAME in parsed.documents:
        raise XRoadError(
            "invalid_signature_value",
            f"The signature is over {HASH_CHAIN_RESULT_NAME}, which is not here",
        )
    covered = report.used if report is not None else parsed.documents.keys()
    missing = [part.uri for part in parts if part.uri not in covered]
    if missing:
        raise XRoadError(
            "malformed_signature",
            f"The signature does not cover {', '.join(missing)[:255]}",
        )


def _verify_documents(
    data: SignatureData, parts: Sequence[Part], parsed: ParsedSignature
) -> None:
    """XML Signature 3.2.1: the digests of all References, SignedProperties too."""
    by_uri = {part.uri: part for part in parts}
    if data.hash_chain_result is not None:
        result = Part.of(HASH_CHAIN_RESULT_NAME, data.hash_chain_result)
        by_uri[HASH_CHAIN_RESULT_NAME] = result
    for uri, reference in parsed.documents.items():
        if uri not in by_uri:
            raise XRoadError(
                "invalid_signature_value",
                f"The signature is also over {uri[:255]!r}, which is not here",
            )
        _require_digest(by_uri[uri], reference)
    reference = parsed.properties_reference
    _require_digest(
        Part.of(reference.uri, parsed.properties, reference.digest), reference
    )


def _require_digest(part: Part, reference: Reference) -> None:
    digest = None
    if part.algorithm == reference.digest:
        digest = part.digest
    elif part.content is not None:
        digest = reference.digest.of(part.content)
    if digest is None or not compare_digest(digest, reference.value):
        raise XRoadError(
            "invalid_signature_value",
            f"{part.uri[:255]} is not what was signed",
        )


def _verify_value(parsed: ParsedSignature) -> None:
    """XML Signature 3.2.2: the signature value over SignedInfo."""
    key = _key_of(parsed.certificate)
    value = parsed.signature_value
    if isinstance(key, ec.EllipticCurvePublicKey) and parsed.algorithm.kind == "ECDSA":
        value = ecdsa_raw_to_der(value, key)
    verify_raw(parsed.algorithm, key, value, parsed.signed_info)
