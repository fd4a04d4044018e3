"""Reading containers.

Rules (`AsicHelper.java`, `AsicContainer.java`, facts of the ASiC section):

* A file that is no ZIP file at all reads as an empty container, so its ``mimetype`` is
  missing. A ZIP file that breaks a rule of `zipreader` is ``asic_invalid_container``.
* Entry names are compared without case; two entries for one thing are refused.
* ``mimetype``, ``message.xml``, the signature, and both halves of each hash chain must
  be there and not be blank; each has its own code.
* What the reference ignores stays visible: missing manifests and unexpected entries are
  for the verifier to judge.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.asic import names
from kerege.xroad.asic.zipreader import ZipFile, ZipLimits, ZipMember
from kerege.xroad.asic.zipwriter import LOCAL_SIGNATURE
from kerege.xroad.faults import XRoadError

MAX_PART_BYTES = 50 * 1024 * 1024
"""An XML part is parsed in memory; `kerege.xroad.xml` takes no more either."""
CONTAINER_LIMITS = ZipLimits(
    entries=1_000, entry_bytes=2 * 1024**3, total_bytes=4 * 1024**3
)
"""Servers log bodies up to 10 MiB unless told otherwise, and one entry for each."""
_INVALID = "asic_invalid_container"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A body or SOAP attachment inside a container."""

    name: str
    """Entry name, ``attachmentN``."""
    size: int
    """Bytes."""
    sha512: bytes
    archive: ZipFile
    member: ZipMember

    def chunks(self) -> Iterator[bytes]:
        """Yield the content, while the container's file is open."""
        return self.archive.chunks(self.member)

    def digest(self, algorithm: Digest) -> bytes:
        """Return the content's digest."""
        if algorithm == SHA512:
            return self.sha512
        state = algorithm.new()
        for chunk in self.chunks():
            state.update(chunk)
        return state.digest()


@dataclass(frozen=True, slots=True)
class Container:
    """A container whose structure is sound. Nothing in it has been verified."""

    message: bytes
    signature: bytes
    """``signatures.xml``."""
    hash_chain_result: bytes | None
    hash_chain: bytes | None
    timestamp: bytes | None
    """``timestamp.tst``: the batch time-stamp, DER."""
    timestamp_chain_result: bytes | None
    timestamp_chain: bytes | None
    manifest: bytes | None
    asic_manifest: bytes | None
    attachments: tuple[Attachment, ...]
    """In order of their numbers."""
    unexpected: tuple[tuple[str, bytes], ...]
    """Other entries, folders too, with the beginning of their content."""
    comment: bytes
    """The ZIP comment."""

    @property
    def entries(self) -> dict[str, bytes]:
        """The XML parts that signatures and hash chains can refer to, by name."""
        found = {
            names.MESSAGE: self.message,
            names.SIGNATURE: self.signature,
            names.SIGNATURE_CHAIN_RESULT: self.hash_chain_result,
            names.SIGNATURE_CHAIN: self.hash_chain,
            names.TIMESTAMP_CHAIN_RESULT: self.timestamp_chain_result,
            names.TIMESTAMP_CHAIN: self.timestamp_chain,
        }
        return {name: data for name, data in found.items() if data is not None}


def read_container(
    source: bytes | IO[bytes], *, limits: ZipLimits = CONTAINER_LIMITS
) -> Container:
    """Read a container.

    Args:
        source: The bytes, or a seekable binary file; keep it open for as long as
            attachments are read.
        limits: Bounds for the ZIP file.

    Raises:
        XRoadError: ``asic_mime_type_not_found``, ``asic_invalid_mime_type``,
            ``asic_message_not_found``, ``asic_signature_not_found``,
            ``asic_hash_chain_result_not_found``, ``asic_hash_chain_not_found``,
            ``asic_timestamp_not_found``, ``asic_manifest_not_found``,
            ``asic_invalid_container``.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    file.seek(0)
    if file.read(len(LOCAL_SIGNATURE)) != LOCAL_SIGNATURE:
        raise XRoadError(
            "asic_mime_type_not_found", f"{names.MIMETYPE} not found: not a ZIP file"
        )
    archive = ZipFile(file, limits, _INVALID)
    parts = _Parts(archive, _by_canonical_name(archive))
    parts.require()
    return parts.container()


def _by_canonical_name(archive: ZipFile) -> dict[str, ZipMember]:
    members: dict[str, ZipMember] = {}
    for member in archive.members:
        if member.is_folder:
            continue
        name = names.canonical_name(member.name)
        if name in members:
            raise XRoadError(
                _INVALID, f"The container has {name} twice: {members[name].name!r}"
            )
        members[name] = member
    return members


class _Parts:
    """The entries of one container, read."""

    def __init__(self, archive: ZipFile, members: dict[str, ZipMember]) -> None:
        self._archive = archive
        self._members = members
        self.data: dict[str, bytes] = {}
        for name in names.PARTS:
            if name in members:
                self.data[name] = self._read(members[name])

    def get(self, name: str) -> bytes | None:
        return None if self._is_blank(name) else self.data[name]

    def require(self) -> None:
        """Check what must be there, in the reference's order."""
        if self._is_blank(names.MIMETYPE):
            raise _missing("asic_mime_type_not_found", names.MIMETYPE)
        mime_type = self.data[names.MIMETYPE]
        if mime_type.lower() != names.MIME_TYPE.encode():
            raise XRoadError(
                "asic_invalid_mime_type",
                f"{names.MIMETYPE} says {mime_type[:64]!r}, not {names.MIME_TYPE}",
            )
        if self._is_blank(names.MESSAGE):
            raise _missing("asic_message_not_found", names.MESSAGE)
        if self._is_blank(names.SIGNATURE):
            raise _missing("asic_signature_not_found", names.SIGNATURE)
        self._require_pair(names.SIGNATURE_CHAIN_RESULT, names.SIGNATURE_CHAIN)
        self._require_timestamp()
        for name in (names.MANIFEST, names.ASIC_MANIFEST):
            if name in self.data and self._is_blank(name):
                raise _missing("asic_manifest_not_found", name)

    def container(self) -> Container:
        return Container(
            message=self.data[names.MESSAGE],
            signature=self.data[names.SIGNATURE],
            hash_chain_result=self.get(names.SIGNATURE_CHAIN_RESULT),
            hash_chain=self.get(names.SIGNATURE_CHAIN),
            timestamp=self.get(names.TIMESTAMP),
            timestamp_chain_result=self.get(names.TIMESTAMP_CHAIN_RESULT),
            timestamp_chain=self.get(names.TIMESTAMP_CHAIN),
            manifest=self.get(names.MANIFEST),
            asic_manifest=self.get(names.ASIC_MANIFEST),
            attachments=self.attachments(),
            unexpected=self.unexpected(),
            comment=self._archive.comment,
        )

    def attachments(self) -> tuple[Attachment, ...]:
        numbered = {
            number: member
            for name, member in self._members.items()
            if (number := names.attachment_number(name))
        }
        return tuple(self._attachment(numbered[n]) for n in sorted(numbered))

    def unexpected(self) -> tuple[tuple[str, bytes], ...]:
        found = [
            (member.name, b"")
            for member in self._archive.members
            if member.is_folder and member.name != names.META_INF
        ]
        for name, member in self._members.items():
            if name not in names.PARTS and names.attachment_number(name) is None:
                # Read to the end: a damaged entry is a damaged container.
                chunks = self._archive.chunks(member)
                beginning = next(chunks, b"")
                for _ in chunks:
                    pass
                found.append((name, beginning))
        return tuple(found)

    def _require_timestamp(self) -> None:
        self._require_pair(names.TIMESTAMP_CHAIN_RESULT, names.TIMESTAMP_CHAIN)
        expected = names.TIMESTAMP_CHAIN_RESULT in self.data
        if self._is_blank(names.TIMESTAMP) and (
            expected or names.TIMESTAMP in self.data
        ):
            raise _missing("asic_timestamp_not_found", names.TIMESTAMP)

    def _require_pair(self, result: str, chain: str) -> None:
        if self._is_blank(result) and self._is_blank(chain):
            return
        if self._is_blank(result):
            raise _missing("asic_hash_chain_result_not_found", result)
        if self._is_blank(chain):
            raise _missing("asic_hash_chain_not_found", chain)

    def _is_blank(self, name: str) -> bool:
        return not self.data.get(name, b"").strip()

    def _read(self, member: ZipMember) -> bytes:
        if member.size > MAX_PART_BYTES:
            raise XRoadError(
                _INVALID, f"{member.name!r} is larger than {MAX_PART_BYTES} bytes"
            )
        return self._archive.read(member)

    def _attachment(self, member: ZipMember) -> Attachment:
        state = SHA512.new()
        for chunk in self._archive.chunks(member):
            state.update(chunk)
        return Attachment(
            member.name, member.size, state.digest(), self._archive, member
        )


def _missing(code: str, name: str) -> XRoadError:
    return XRoadError(code, f"{name} not found or is empty")
