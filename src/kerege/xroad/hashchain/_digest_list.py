"""The DER structure that a hash step is digested as (`DigestList.java`)."""

from collections.abc import Iterable

from kerege.xroad.algorithms import SHA256, SHA384, SHA512, Digest

_SEQUENCE = 0x30
_OCTET_STRING = 0x04
_UTF8_STRING = 0x0C
_EMPTY_SEQUENCE = b"\x30\x00"
_SHORT_LENGTH = 0x80


def digest_list(entries: Iterable[tuple[Digest, bytes]]) -> bytes:
    """Return the DER encoding of a hash step's digests, in the order given.

    Each entry becomes ``SEQUENCE { OCTET STRING digest, UTF8String algorithm URI,
    SEQUENCE {} }``; the last one would hold transforms and is always empty.
    """
    return _der(_SEQUENCE, b"".join([_single(*entry) for entry in entries]))


def step_digest(digest: Digest, *values: bytes) -> bytes:
    """Return the digest of a step whose entries all have the algorithm ``digest``."""
    return digest.of(digest_list([(digest, value) for value in values]))


def _single(algorithm: Digest, value: bytes) -> bytes:
    frame = _FRAMES.get((algorithm.uri, len(value)))
    if frame is None:
        content = _der(_OCTET_STRING, value) + _algorithm(algorithm.uri)
        return _der(_SEQUENCE, content)
    before, after = frame
    return before + value + after


def _algorithm(uri: str) -> bytes:
    return _der(_UTF8_STRING, uri.encode()) + _EMPTY_SEQUENCE


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < _SHORT_LENGTH:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT_LENGTH | len(length))) + length + content


def _frame(algorithm: Digest) -> tuple[bytes, bytes]:
    """Return what stands before and after a digest: always the same bytes."""
    value = bytes(algorithm.new().digest_size)
    entry = _der(_SEQUENCE, _der(_OCTET_STRING, value) + _algorithm(algorithm.uri))
    before, _, after = entry.partition(value)
    return before, after


_FRAMES = {
    (digest.uri, digest.new().digest_size): _frame(digest)
    for digest in (SHA256, SHA384, SHA512)
}
