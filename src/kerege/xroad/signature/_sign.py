"""Signing messages: one alone, or a batch with one signature."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kerege.xroad.hashchain import HashChainInput, build_hash_chains
from kerege.xroad.signature._model import (
    HASH_CHAIN_RESULT_NAME,
    MESSAGE,
    Part,
    SignatureData,
    Signer,
)
from kerege.xroad.signature._template import PreparedSignature, SignatureTemplate

_TEXT_XML = "text/xml"
"""Of messages, REST too (`SignatureXmlBuilder.java`)."""
_HASH_CHAIN_RESULT = "application/hash-chain-result"


def sign_messages(
    template: SignatureTemplate,
    signer: Signer,
    messages: Sequence[Sequence[Part]],
    signing_time: datetime,
) -> list[SignatureData]:
    """Sign messages with one signature value.

    A message alone without attachments is signed plainly, everything else through a
    hash chain (`SignatureCtx.java`).

    Args:
        template: For the signer's certificate.
        signer: The key; asked once.
        messages: The parts of each message, ``/message.xml`` first; all digests of
            the template's algorithm.
        signing_time: The time that the signature claims.

    Returns:
        The signature of each message, in the order given.
    """
    batch = prepare_messages(template, messages, signing_time)
    return batch.finish(signer.sign(batch.to_be_signed))


def prepare_messages(
    template: SignatureTemplate,
    messages: Sequence[Sequence[Part]],
    signing_time: datetime,
) -> "PreparedBatch":
    """Do everything of `sign_messages` but the key's work.

    For signers that are slow or elsewhere: sign ``to_be_signed``, then ``finish``.

    Raises:
        ValueError: if there is no message, a message does not start with
            ``/message.xml``, or a digest is of another algorithm than the template's.
    """
    if not messages:
        raise ValueError("There is no message to sign")
    for parts in messages:
        if not parts or parts[0].uri != MESSAGE:
            raise ValueError("A message has no part /message.xml, or not as its first")
        for part in parts:
            if part.algorithm != template.digest:
                message = (
                    f"{part.uri}: {part.algorithm.name} is not {template.digest.name}"
                )
                raise ValueError(message)
    if len(messages) == 1 and len(messages[0]) == 1:
        digest = messages[0][0].digest
        prepared = template.prepare(MESSAGE, _TEXT_XML, digest, signing_time)
        return PreparedBatch(prepared, None, (None,))
    chains = build_hash_chains(
        [
            HashChainInput(tuple((part.uri, part.digest) for part in parts))
            for parts in messages
        ],
        template.digest,
    )
    prepared = template.prepare(
        HASH_CHAIN_RESULT_NAME,
        _HASH_CHAIN_RESULT,
        template.digest.of(chains.result),
        signing_time,
    )
    return PreparedBatch(prepared, chains.result, tuple(chains.chains))


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """Messages that only wait for one signature value."""

    _prepared: PreparedSignature
    _result: bytes | None
    _chains: tuple[bytes | None, ...]

    @property
    def to_be_signed(self) -> bytes:
        """What the key signs."""
        return self._prepared.to_be_signed

    def finish(self, value: bytes) -> list[SignatureData]:
        """Return the signature of each message, given the signer's value."""
        signature = self._prepared.finish(value)
        return [SignatureData(signature, self._result, each) for each in self._chains]
