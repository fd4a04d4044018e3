"""Verifying containers.

The order is that of `AsicContainerVerifier.java`, so that what is wrong has the code
that the reference gives it; after it come the checks that the reference lacks:

1. The structure (`reader`).
2. The signature refers to ``/message.xml`` or ``/sig-hashchainresult.xml``.
3. The time-stamp: over the signature value, or over a hash chain that covers
   ``/META-INF/signatures.xml``. Errors of that chain are ``malformed_signature``.
4. Who must have signed the message (`message`).
5. The signature (`kerege.xroad.signature`) at the time of the time-stamp, without the
   schema, since a time-stamp may stand in it. OCSP responses are not much younger. Attachments in the container are
   compared with what was signed; the reference never does, because its hash chain
   says ``/attachment1`` and the entry is called ``attachment1``.
6. What is missing, not listed or not signed (`contents`).

An attachment that was signed and is not in the container is no failure: servers need
not log it. It is reported, and a failure if the manifest lists it.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import IO, Protocol, TypeVar

from cryptography import x509

from kerege.xroad.algorithms import SHA512
from kerege.xroad.asic import contents, names
from kerege.xroad.asic.message import MessageInfo, read_message
from kerege.xroad.asic.reader import (
    MAX_PART_BYTES,
    Attachment,
    Container,
    read_container,
)
from kerege.xroad.asic.report import (
    Check,
    CheckList,
    CheckName,
    ContainerReport,
    Verdict,
    unreadable,
)
from kerege.xroad.certificates import (
    STRONG,
    AlgorithmPolicy,
    Trust,
    require_signing_certificate,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import verify_hash_chain
from kerege.xroad.signature import (
    HASH_CHAIN_RESULT_NAME,
    MESSAGE,
    ParsedSignature,
    Part,
    SignatureData,
    SignatureVerifier,
    VerificationRules,
    VerifiedSignature,
    parse_signature,
)
from kerege.xroad.timestamp import Timestamp, verify_timestamp
from kerege.xroad.x509 import subject_text

_T = TypeVar("_T")
_MALFORMED = "malformed_signature"
MAX_OCSP_AFTER = timedelta(days=2)
"""How much later than the time-stamp an OCSP response may be. It is asked for before
signing; the reference's own test containers have some that are dated a day ahead."""
_SIGNATURE_CHECKS = (
    CheckName.HASH_CHAIN,
    CheckName.SIGNER,
    CheckName.SIGNATURE,
    CheckName.CERTIFICATE,
)
"""What `SignatureVerifier` checks, in its order."""


class ContainerTrust(Protocol):
    """What verification asks of the global configuration."""

    def trust(self, instance: str) -> Trust:
        """Return whom an instance trusts."""

    def tsa_certificates(
        self, instance: str | None = None
    ) -> tuple[x509.Certificate, ...]:
        """Return the approved time-stamping certificates."""


def verify_container(
    container: Container, conf: ContainerTrust, *, policy: AlgorithmPolicy = STRONG
) -> ContainerReport:
    """Verify a container that was read.

    Args:
        container: From `read_container`; its file must still be open.
        conf: The global configuration of the day of the message.
        policy: `LEGACY` for containers from before 2017.

    Returns:
        The report; every check in it passed, some perhaps with a note.

    Raises:
        XRoadError: The first thing that is wrong.
    """
    report = _Examination(container, conf, policy).report()
    if report.error is not None:
        raise report.error
    return report


def examine_container(
    source: bytes | IO[bytes],
    conf: ContainerTrust,
    *,
    policy: AlgorithmPolicy = STRONG,
) -> ContainerReport:
    """Read and verify a container, and report every check; never raises `XRoadError`."""
    try:
        container = read_container(source)
    except XRoadError as error:
        return unreadable(error)
    return _Examination(container, conf, policy).report()


class _Examination:
    """One container under examination: makes the checks in order, once."""

    def __init__(
        self, container: Container, conf: ContainerTrust, policy: AlgorithmPolicy
    ) -> None:
        self._container = container
        self._conf = conf
        self._policy = policy
        self._checks = CheckList()
        self._message: MessageInfo | None = None
        self._parsed: ParsedSignature | None = None
        self._timestamp: Timestamp | None = None
        self._signature: VerifiedSignature | None = None
        self._ignored: tuple[str, ...] = ()

    def report(self) -> ContainerReport:
        """Make all checks."""
        checks, container = self._checks, self._container
        in_batch = container.timestamp_chain_result is not None
        files = len(container.entries) + len(container.attachments)
        checks.passed(CheckName.CONTAINER, f"Sound, with {files} files and manifests.")
        checks.step(CheckName.REFERENCES, self._check_references)
        if in_batch:
            checks.step(CheckName.TIMESTAMP_CHAIN, self._check_timestamp_chain)
        else:
            checks.not_needed(CheckName.TIMESTAMP_CHAIN, "Not stamped in a batch.")
        checks.step(
            CheckName.TIMESTAMP,
            self._check_timestamp,
            needs=(CheckName.REFERENCES, CheckName.TIMESTAMP_CHAIN),
        )
        checks.step(CheckName.MESSAGE, self._check_message)
        self._check_signature()
        needs = (CheckName.CERTIFICATE,)
        checks.step(CheckName.ATTACHMENTS, self._check_attachments, needs=needs)
        checks.step(CheckName.ENTRIES, self._check_entries)
        checks.step(CheckName.MANIFEST, self._check_manifest)
        if in_batch:
            checks.step(CheckName.ASIC_MANIFEST, self._check_asic_manifest)
        else:
            checks.not_needed(CheckName.ASIC_MANIFEST, "Not stamped in a batch.")
        return checks.report(self._message, self._timestamp, self._signature)

    def _check_message(self) -> str:
        self._message = message = read_message(self._container.message)
        return (
            f"{message.protocol} {message.direction.value} with query id "
            f"{message.query_id}, from client {message.client.short} to service "
            f"{message.service.short}."
        )

    def _check_references(self) -> str:
        try:
            parsed = parse_signature(self._container.signature, check_schema=False)
        except XRoadError as error:
            message = f"{names.SIGNATURE}: {error.message}"
            raise XRoadError(error.code, message, advice=error.advice) from error
        documents = parsed.documents
        if MESSAGE not in documents and HASH_CHAIN_RESULT_NAME not in documents:
            raise XRoadError(
                _MALFORMED,
                f"The signature refers neither to {MESSAGE} nor to "
                f"{HASH_CHAIN_RESULT_NAME}",
            )
        if HASH_CHAIN_RESULT_NAME not in documents:
            uris = [names.uri_of(a.name) for a in self._container.attachments]
            uncovered = [uri for uri in uris if uri not in documents]
            if uncovered:
                raise XRoadError(
                    _MALFORMED, f"The signature does not cover {uncovered[0]}"
                )
        require_signing_certificate(parsed.certificate)
        self._parsed = parsed
        return f"The signature is over {', '.join(documents)}."

    def _check_timestamp_chain(self) -> str:
        container = self._container
        by_uri = {names.uri_of(n): data for n, data in container.entries.items()}
        try:
            verify_hash_chain(
                container.timestamp_chain_result or b"",
                inputs={names.uri_of(names.SIGNATURE): None},
                resolve=by_uri.get,
            )
        except XRoadError as error:
            raise XRoadError(
                _MALFORMED,
                "The time-stamp is not that of this signature: "
                f"{names.TIMESTAMP_CHAIN} with {names.TIMESTAMP_CHAIN_RESULT} does "
                f"not hold: {error.message}",
            ) from error
        return f"{names.TIMESTAMP_CHAIN_RESULT} covers {names.SIGNATURE}."

    def _check_timestamp(self) -> str:
        parsed, container = _known(self._parsed), self._container
        token = container.timestamp or parsed.timestamp
        if token is None:
            raise XRoadError(
                "asic_timestamp_not_found",
                "The message has no time-stamp",
                advice="Download it again when its server has stamped it.",
            )
        stamped = container.timestamp_chain_result or parsed.signature_value
        self._timestamp = stamp = verify_timestamp(
            token, stamped, self._conf.tsa_certificates(), policy=self._policy
        )
        return f"{_time(stamp.time)}, by {subject_text(stamp.certificate)}."

    def _check_signature(self) -> None:
        """Verify the signature, and say for which of its checks an error stands."""
        needs = (CheckName.REFERENCES, CheckName.TIMESTAMP, CheckName.MESSAGE)
        open_need = self._checks.first_open(needs)
        if open_need is not None:
            for name in _SIGNATURE_CHECKS:
                self._checks.not_reached(name, open_need)
            return
        try:
            self._signature = self._verify_signature()
        except XRoadError as error:
            failed = _check_of(error)
            place = _SIGNATURE_CHECKS.index(failed)
            for name in _SIGNATURE_CHECKS[:place]:
                self._checks.passed(name, "Nothing wrong.")
            self._checks.failed(failed, error)
            for name in _SIGNATURE_CHECKS[place + 1 :]:
                self._checks.not_reached(name, failed)
        else:
            self._describe_signature(self._signature)
        if HASH_CHAIN_RESULT_NAME not in _known(self._parsed).documents:
            self._checks.not_needed(CheckName.HASH_CHAIN, "Signed without hash chain.")

    def _verify_signature(self) -> VerifiedSignature:
        signer = _known(self._message).signer
        trust = self._conf.trust(signer.instance)
        container = self._container
        verifier = SignatureVerifier(replace(trust, algorithms=self._policy))
        signed = verifier.verify(
            SignatureData(
                container.signature, container.hash_chain_result, container.hash_chain
            ),
            [Part.of(MESSAGE, container.message), *self._attachment_parts()],
            signer=signer,
            at=_known(self._timestamp).time,
            rules=VerificationRules(
                check_schema=False,
                compare_references=True,
                trust_missing=lambda _uri: True,
            ),
        )
        _require_earlier_ocsp(signed, _known(self._timestamp).time)
        return signed

    def _attachment_parts(self) -> list[Part]:
        parsed = _known(self._parsed)
        return [_part(each, parsed) for each in self._container.attachments]

    def _describe_signature(self, signed: VerifiedSignature) -> None:
        checks, chain = self._checks, signed.chain
        subject = subject_text(signed.certificate)
        checks.passed(CheckName.HASH_CHAIN, f"{names.SIGNATURE_CHAIN_RESULT} holds.")
        checks.passed(
            CheckName.SIGNER, f"{_known(self._message).signer.short}, as {subject}."
        )
        checks.passed(
            CheckName.SIGNATURE,
            f"{signed.parsed.algorithm.name} holds; claimed signing time "
            f"{_time(signed.parsed.signing_time)}.",
        )
        statuses = ", ".join(_time(status.this_update) for status in chain.statuses)
        checks.passed(
            CheckName.CERTIFICATE,
            f"Issued under {chain.authority.name}, good by OCSP of {statuses}.",
        )

    def _check_attachments(self) -> str | Check:
        signed = _known(self._signature)
        texts = [
            f"{each.name}: verified, {each.size} bytes."
            for each in self._container.attachments
        ]
        missing = [uri for uri, _ in signed.trusted]
        for uri in missing:
            if names.attachment_number(uri.removeprefix("/")) is None:
                raise XRoadError(
                    "invalid_reference",
                    f"The hash chain covers {uri[:64]!r}, which containers do not have",
                )
            texts.append(
                f"{uri.removeprefix('/')}: not in the container. Its digest was signed, "
                "its content was not logged."
            )
        if not texts:
            return "The message has none."
        verdict = Verdict.NOTE if missing else Verdict.PASSED
        return Check(CheckName.ATTACHMENTS, verdict, " ".join(texts))

    def _check_entries(self) -> str | Check:
        self._ignored = contents.check_entries(self._container)
        if not self._ignored:
            return "No file that nobody signed."
        listed = ", ".join(self._ignored)
        text = f"Hash chains that nothing refers to, ignored: {listed}."
        return Check(CheckName.ENTRIES, Verdict.NOTE, text)

    def _check_manifest(self) -> str:
        listed = contents.check_manifest(self._container)
        documents = self._parsed.documents if self._parsed is not None else {}
        unsigned: tuple[str, ...] = ()
        if HASH_CHAIN_RESULT_NAME not in documents:
            unsigned = (names.SIGNATURE_CHAIN, names.SIGNATURE_CHAIN_RESULT)
        contents.check_listed(self._container, listed, unsigned)
        return f"{names.MANIFEST} lists exactly what is in the container."

    def _check_asic_manifest(self) -> str:
        contents.check_asic_manifest(self._container)
        return f"{names.ASIC_MANIFEST} binds the time-stamp to what was stamped."


def _part(attachment: Attachment, parsed: ParsedSignature) -> Part:
    """Return what the signature must cover, with the digest that it will ask for."""
    uri = names.uri_of(attachment.name)
    if uri in parsed.documents:
        digest = parsed.documents[uri].digest
        return Part(uri, attachment.digest(digest), digest)
    content = None
    if parsed.algorithm.digest != SHA512 and attachment.size <= MAX_PART_BYTES:
        content = b"".join(attachment.chunks())
    return Part(uri, attachment.sha512, SHA512, content)


def _require_earlier_ocsp(signed: VerifiedSignature, stamped: datetime) -> None:
    """Refuse an OCSP response that was put into the signature long afterwards.

    Unsigned properties can be changed under a single time-stamp; years later a
    responder may call a certificate good of which it has forgotten the revocation.
    """
    for status in signed.chain.statuses:
        if status.this_update - stamped > MAX_OCSP_AFTER:
            raise XRoadError(
                "invalid_cert_path.incorrect_validation_info",
                f"The OCSP response is from {_time(status.this_update)}, long after "
                f"the time-stamp of {_time(stamped)}",
            )


def _check_of(error: XRoadError) -> CheckName:
    first, dot, _ = error.code.partition(".")
    if first == _MALFORMED and dot:
        return CheckName.HASH_CHAIN
    if first in ("invalid_cert_path", "cannot_create_cert_path"):
        return CheckName.CERTIFICATE
    if first in ("invalid_signature_value", "unsupported_algorithm", _MALFORMED):
        return CheckName.SIGNATURE
    return CheckName.SIGNER


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _known(value: _T | None) -> _T:
    """Return what an earlier check found; the checks' needs make sure that it did."""
    if value is None:
        raise AssertionError
    return value
