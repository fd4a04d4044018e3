r"""Reading ZIP files from strangers: strict, bounded, and only `XRoadError`.

Rules (PKWARE APPNOTE 6.3; each closes a way to show two readers different things):

1. The end record and its comment are the last bytes; the central directory ends where
   the end record begins. One disk, no ZIP64, no encryption; stored or deflated only.
2. The number of entries, each entry's size and the sum of all sizes are bounded, and
   the bounds hold for what is really inflated, not for what the headers promise.
3. Each entry's local header says the same as the central directory.
4. Entries follow each other without gap and without overlap, from the first byte of
   the file to the central directory.
5. Names are relative, without ``..``, ``\\``, control characters, and unique, also when
   letters' case is ignored. An entry has one name and one size: Info-ZIP's second name
   and ZIP64's second sizes are refused. It is a file or a folder, never a link.
6. Content is inflated completely and must have the promised size and CRC.
"""

import io
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import IO, Any

from kerege.xroad.asic import zipwriter as fmt
from kerege.xroad.faults import XRoadError

MAX_NAME_BYTES = 1024
"""Container names inside archives have up to 255 bytes; folders may come on top."""
MAX_EXTRA_BYTES = 1024
"""Extra fields carry times and owners: a few dozen bytes."""
CHUNK_BYTES = 64 * 1024
"""What is read and inflated at a time."""
_MAX_COMMENT_BYTES = 0xFFFF
_REFUSED_FLAGS = 0x0001 | 0x0020 | 0x0040 | 0x2000
"""Encryption, patch data, strong encryption, masked headers."""
_SHORT_DESCRIPTOR = Struct("<3I")
_EXTRA_HEADER = Struct("<2H")
_UNICODE_PATH = 0x7075
"""Info-ZIP's extra field with another name for the entry (APPNOTE 4.6.9)."""
_ZIP64 = 0x0001
"""The extra field with other sizes and another place (APPNOTE 4.5.3)."""
_PLAIN = frozenset({0, stat.S_IFREG, stat.S_IFDIR})
"""Unix file types in the external attributes; 0 where no Unix wrote them."""


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """Bounds for one ZIP file."""

    entries: int
    """Most entries, folders included."""
    entry_bytes: int
    """Most bytes of one entry after inflating."""
    total_bytes: int
    """Most bytes of all entries together after inflating."""


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One entry of a ZIP file that was read."""

    name: str
    size: int
    """Bytes after inflating, as the headers promise and reading enforces."""
    crc: int
    method: int
    flags: int
    times: tuple[int, int]
    compressed: int
    header_offset: int
    version: int

    @property
    def is_folder(self) -> bool:
        """Whether the entry is a folder."""
        return self.name.endswith("/")


class ZipFile:
    """A ZIP file whose structure has been checked; contents are read on demand."""

    def __init__(self, source: bytes | IO[bytes], limits: ZipLimits, code: str) -> None:
        """Read the directory and check the rules of this module.

        Args:
            source: The bytes, or a seekable binary file that stays open.
            limits: Bounds.
            code: The fault code of every error.

        Raises:
            XRoadError: ``code``.
        """
        self._file = io.BytesIO(source) if isinstance(source, bytes) else source
        self._code = code
        self._size = self._file.seek(0, io.SEEK_END)
        count, self._directory, size, self.comment = self._read_end()
        if count > limits.entries:
            raise self._bad("it has too many entries")
        self.members = self._read_directory(count, size)
        self._check_names()
        self._check_sizes(limits)
        self._bodies = self._locate()

    def chunks(self, member: ZipMember) -> Iterator[bytes]:
        """Yield an entry's content.

        Raises:
            XRoadError: If it cannot be inflated, or size or CRC are wrong.
        """
        crc, size = 0, 0
        for chunk in self._inflate(member):
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            if size > member.size:
                raise self._bad_entry(member.name, "is larger than it says")
            yield chunk
        if size != member.size:
            raise self._bad_entry(member.name, "is shorter than it says")
        if crc != member.crc:
            raise self._bad_entry(member.name, "is damaged: its CRC is wrong")

    def read(self, member: ZipMember) -> bytes:
        """Return an entry's content. Raises as `chunks` does."""
        return b"".join(self.chunks(member))

    def _bad(self, why: str) -> XRoadError:
        return XRoadError(self._code, f"The ZIP file cannot be accepted: {why}")

    def _bad_entry(self, name: str, why: str) -> XRoadError:
        return self._bad(f"entry {name!r} {why}")

    def _bytes(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size:
            raise self._bad("it is cut off")
        return data

    def _read_end(self) -> tuple[int, int, int, bytes]:
        tail_size = min(self._size, fmt.END_RECORD.size + _MAX_COMMENT_BYTES)
        tail_start = self._size - tail_size
        tail = self._bytes(tail_start, tail_size)
        position = tail.rfind(fmt.END_SIGNATURE)
        if position < 0 or len(tail) - position < fmt.END_RECORD.size:
            raise self._bad("it has no end record")
        fields = fmt.END_RECORD.unpack_from(tail, position)
        _, disk, first_disk, here, count, size, offset, comment_size = fields
        if position + fmt.END_RECORD.size + comment_size != len(tail):
            raise self._bad("there are bytes after its end, or its end is cut off")
        if disk or first_disk or here != count or count > fmt.MAX_ZIP_ENTRIES:
            raise self._bad("it has several disks, or needs ZIP64")
        if offset + size != tail_start + position:
            raise self._bad("its directory is not where its end record says")
        return count, offset, size, tail[len(tail) - comment_size :]

    def _read_directory(self, count: int, size: int) -> tuple[ZipMember, ...]:
        # Bounded by the number of entries, so a huge directory is not read at all.
        header = fmt.CENTRAL_HEADER.size
        if size > count * (header + MAX_NAME_BYTES + 2 * MAX_EXTRA_BYTES):
            raise self._bad("its directory is too large")
        data = self._bytes(self._directory, size)
        members, position = [], 0
        for _ in range(count):
            if len(data) - position < header:
                raise self._bad("its directory is cut off")
            fields = fmt.CENTRAL_HEADER.unpack_from(data, position)
            name_size, extra_size, comment_size = fields[10:13]
            position += header
            name = data[position : position + name_size]
            position += name_size
            extra = data[position : position + extra_size]
            position += extra_size + comment_size
            if position > len(data):
                raise self._bad("its directory is cut off")
            members.append(self._member(fields, name))
            self._require_one_name(members[-1].name, extra)
        if position != len(data):
            raise self._bad("its directory holds more than its entries")
        return tuple(members)

    def _member(self, fields: tuple[Any, ...], raw_name: bytes) -> ZipMember:
        signature, _, version, flags, method, time, date = fields[:7]
        crc, compressed, size = fields[7:10]
        disk, attributes, offset = fields[13], fields[15], fields[16]
        if signature != fmt.CENTRAL_SIGNATURE or disk:
            raise self._bad("its directory is damaged")
        name = self._name(raw_name)
        if stat.S_IFMT(attributes >> 16) not in _PLAIN:
            raise self._bad_entry(name, "is a link, or no file at all")
        if flags & _REFUSED_FLAGS:
            raise self._bad_entry(name, "is encrypted")
        if method not in (fmt.STORED, fmt.DEFLATED):
            raise self._bad_entry(name, "is neither stored nor deflated")
        if method == fmt.STORED and compressed != size:
            raise self._bad_entry(name, "is stored with two different sizes")
        times = (time, date)
        return ZipMember(
            *(name, size, crc, method, flags, times, compressed, offset, version)
        )

    def _name(self, raw: bytes) -> str:
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise self._bad("the name of an entry is not UTF-8") from None
        parts = name.removesuffix("/").split("/")
        if (
            len(raw) > MAX_NAME_BYTES
            or any(part in ("", ".", "..") for part in parts)
            or any(c in "\\\x7f" or c < " " for c in name)
            or name[1:2] == ":"
        ):
            raise self._bad_entry(name[:64], "has a name that is not allowed")
        return name

    def _require_one_name(self, name: str, extra: bytes) -> None:
        """Refuse a second name among the extra fields: some programs show that one."""
        position = 0
        while len(extra) - position >= _EXTRA_HEADER.size:
            kind, size = _EXTRA_HEADER.unpack_from(extra, position)
            if kind == _UNICODE_PATH:
                raise self._bad_entry(name, "has a second name")
            if kind == _ZIP64:
                raise self._bad_entry(name, "has a second size: it needs ZIP64")
            position += _EXTRA_HEADER.size + size
        if position > len(extra):
            raise self._bad_entry(name, "has a damaged extra field")

    def _check_names(self) -> None:
        seen: set[str] = set()
        for member in self.members:
            folded = member.name.casefold()
            if folded in seen:
                raise self._bad_entry(member.name, "is there twice")
            seen.add(folded)

    def _check_sizes(self, limits: ZipLimits) -> None:
        for member in self.members:
            if member.size > limits.entry_bytes:
                raise self._bad_entry(member.name, "is too large")
            if member.is_folder and member.size:
                raise self._bad_entry(member.name, "is a folder with content")
        total = sum(member.size for member in self.members)
        if total > limits.total_bytes:
            raise self._bad("its entries are too large together")

    def _locate(self) -> dict[str, int]:
        """Return where each entry's bytes begin; check headers, gaps and overlaps."""
        bodies, position = {}, 0
        for member in sorted(self.members, key=lambda m: m.header_offset):
            if member.header_offset != position:
                raise self._bad_entry(member.name, "overlaps or follows a gap")
            body = self._check_local_header(member)
            bodies[member.name] = body
            position = body + member.compressed
            if position > self._directory:
                raise self._bad_entry(member.name, "reaches into the directory")
            if member.flags & fmt.FLAG_DESCRIPTOR:
                position += self._descriptor_size(member, position)
        if position != self._directory:
            raise self._bad("there are bytes between its entries and its directory")
        return bodies

    def _check_local_header(self, member: ZipMember) -> int:
        start = member.header_offset
        raw = self._bytes(start, fmt.LOCAL_HEADER.size)
        signature, *fields = fmt.LOCAL_HEADER.unpack(raw)
        version, flags, method, time, date, crc, packed, size = fields[:8]
        name_size: int = fields[8]
        extra_size: int = fields[9]
        start += len(raw)
        name = self._bytes(start, min(name_size, MAX_NAME_BYTES))
        body = start + name_size + extra_size
        here = max(min(body, self._directory) - start - name_size, 0)
        self._require_one_name(member.name, self._bytes(start + name_size, here))
        same = (version, flags, method, (time, date), name) == (
            *(member.version, member.flags, member.method, member.times),
            member.name.encode(),
        )
        known = (crc, packed, size) == (member.crc, member.compressed, member.size)
        later = bool(flags & fmt.FLAG_DESCRIPTOR) and not (crc or packed or size)
        if signature != fmt.LOCAL_SIGNATURE or not same or not (known or later):
            raise self._bad_entry(
                member.name, "differs between its header and the directory"
            )
        return body

    def _descriptor_size(self, member: ZipMember, offset: int) -> int:
        sizes = (member.crc, member.compressed, member.size)
        long = fmt.DESCRIPTOR.pack(fmt.DESCRIPTOR_SIGNATURE, *sizes)
        short = _SHORT_DESCRIPTOR.pack(*sizes)
        self._file.seek(offset)
        data = self._file.read(len(long))
        if data == long:
            return len(long)
        if data[: len(short)] == short:
            return len(short)
        raise self._bad_entry(member.name, "differs between its end and the directory")

    def _inflate(self, member: ZipMember) -> Iterator[bytes]:
        if member.method == fmt.STORED:
            yield from self._packed(member)
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._packed(member):
                if chunk := inflate.decompress(packed, CHUNK_BYTES):
                    yield chunk
                while inflate.unconsumed_tail:
                    yield inflate.decompress(inflate.unconsumed_tail, CHUNK_BYTES)
                if inflate.unused_data:
                    break
            while not inflate.eof and (chunk := inflate.decompress(b"", CHUNK_BYTES)):
                yield chunk
        except zlib.error as error:
            raise self._bad_entry(member.name, "is damaged") from error
        if not inflate.eof or inflate.unused_data:
            raise self._bad_entry(member.name, "is damaged: wrong end of data")

    def _packed(self, member: ZipMember) -> Iterator[bytes]:
        position = self._bodies[member.name]
        end = position + member.compressed
        while position < end:
            size = min(CHUNK_BYTES, end - position)
            yield self._bytes(position, size)
            position += size
