"""Writing containers.

The order of entries, their media types and the ZIP comment are the reference's
(`AsicContainer.java`, `AsicHelper.java`). All entries are deflated, ``mimetype`` too,
which the ASiC standard would have stored: the reference writes it so and reads both.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from kerege.xroad.asic import manifests, names
from kerege.xroad.asic.zipwriter import ZipStream


@dataclass(frozen=True, slots=True)
class BatchTimestamp:
    """A time-stamp that many records share."""

    token: bytes
    """The time-stamp token, DER."""
    hash_chain_result: bytes
    """The stamped document, ``ts-hashchainresult.xml``."""
    hash_chain: bytes
    """This record's ``ts-hashchain.xml``."""


@dataclass(frozen=True, slots=True)
class ContainerParts:
    """What goes into a container."""

    message: bytes
    """The SOAP envelope, or the REST message block."""
    signature: bytes
    """``signatures.xml``; with the time-stamp inside, if it was stamped alone."""
    hash_chain_result: bytes | None = None
    """``sig-hashchainresult.xml`` of a batch signature."""
    hash_chain: bytes | None = None
    """``sig-hashchain.xml`` of a batch signature."""
    timestamp: BatchTimestamp | None = None
    attachments: Sequence[bytes | Iterable[bytes]] = ()
    """Bodies in order, each as bytes or as chunks."""


def write_container(parts: ContainerParts, *, time: datetime) -> bytes:
    """Return a container. ``time`` is that of the log record, aware."""
    return b"".join(iter_container(parts, time=time))


def iter_container(parts: ContainerParts, *, time: datetime) -> Iterator[bytes]:
    """Yield a container's bytes; attachments are read chunk by chunk.

    Raises:
        XRoadError: ``logging_failed``, if it outgrows the ZIP format.
    """
    stream = ZipStream(comment=names.COMMENT)
    for name, content in _entries(parts):
        yield from stream.entry(name, (content,), time)
    for number, attachment in enumerate(parts.attachments, 1):
        chunks = (attachment,) if isinstance(attachment, bytes) else attachment
        yield from stream.entry(f"{names.ATTACHMENT}{number}", chunks, time)
    yield from stream.end()


def _entries(parts: ContainerParts) -> Iterator[tuple[str, bytes]]:
    stamp = parts.timestamp
    found = {
        names.MIMETYPE: names.MIME_TYPE.encode(),
        names.MESSAGE: parts.message,
        names.SIGNATURE: parts.signature,
        names.SIGNATURE_CHAIN_RESULT: parts.hash_chain_result,
        names.SIGNATURE_CHAIN: parts.hash_chain,
        names.TIMESTAMP_CHAIN_RESULT: stamp.hash_chain_result if stamp else None,
        names.TIMESTAMP_CHAIN: stamp.hash_chain if stamp else None,
    }
    present = {name: data for name, data in found.items() if data is not None}
    yield from present.items()
    count = len(parts.attachments)
    yield names.MANIFEST, manifests.build_manifest(list(present), count)
    if stamp:
        asic_manifest = manifests.build_asic_manifest(stamp.hash_chain_result)
        yield names.ASIC_MANIFEST, asic_manifest
        yield names.TIMESTAMP, stamp.token
