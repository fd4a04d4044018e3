"""The ZIP file around a workbook, looked through before any library touches it.

Rules (each stops a way to take memory or time, or to show two readers two things):

1. Few parts, each with a name of its own; no encryption; stored or deflated.
2. What the directory promises is bounded: each part, all parts, and their ratio.
3. What is really inflated is what was promised, to the byte (`inflate`): a part that
   goes on after its promised size would be larger for the next reader.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from struct import Struct
from typing import IO

from kerege.apps.aimak.workbooks.limits import (
    MAX_ENTRIES,
    MAX_ENTRY_BYTES,
    MAX_INFLATED_BYTES,
    MAX_RATIO,
    RATIO_FREE_BYTES,
)
from kerege.apps.aimak.workbooks.messages import WorkbookError

CHUNK_BYTES = 256 * 1024
"""What is inflated at a time."""
_LOCAL_HEADER = Struct("<4s22x2H")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x0001
WORKBOOK = "xl/workbook.xml"
"""The part that every XLSX file has (ECMA-376 Part 1, 12.3.23, as all programs name it)."""


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """Read and check the directory of a ZIP file.

    Raises:
        WorkbookError: ``file.damaged``, ``file.not_a_workbook``, ``file.bomb``.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise WorkbookError("file.damaged") from error
    entries = archive.infolist()
    names = {entry.filename.casefold() for entry in entries}
    if len(entries) > MAX_ENTRIES:
        raise WorkbookError("file.bomb")
    if len(names) != len(entries) or any(map(_is_unreadable, entries)):
        raise WorkbookError("file.damaged")
    if WORKBOOK not in names:
        raise WorkbookError("file.not_a_workbook")
    _require_modest(entries)
    return archive


def inflate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a part, and require that it is what the directory promises.

    Raises:
        WorkbookError: ``file.damaged``.
    """
    size, crc = 0, 0
    for chunk in _inflated(archive, entry):
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        if size > entry.file_size:
            break
        yield chunk
    if size != entry.file_size or crc != entry.CRC:
        raise WorkbookError("file.damaged")


def _is_unreadable(entry: zipfile.ZipInfo) -> bool:
    known = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    return bool(entry.flag_bits & _ENCRYPTED) or entry.compress_type not in known


def _require_modest(entries: list[zipfile.ZipInfo]) -> None:
    inflated = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if any(entry.file_size > MAX_ENTRY_BYTES for entry in entries):
        raise WorkbookError("file.bomb")
    if inflated > MAX_INFLATED_BYTES:
        raise WorkbookError("file.bomb")
    if inflated > RATIO_FREE_BYTES and inflated > packed * MAX_RATIO:
        raise WorkbookError("file.bomb")


def _inflated(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    file = archive.fp
    if file is None:
        raise WorkbookError("file.damaged")
    left = _seek_content(file, entry)
    if entry.compress_type == zipfile.ZIP_STORED:
        while left and (data := file.read(min(left, CHUNK_BYTES))):
            left -= len(data)
            yield data
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while left and (data := file.read(min(left, CHUNK_BYTES))):
            left -= len(data)
            while data:
                yield inflater.decompress(data, CHUNK_BYTES)
                data = inflater.unconsumed_tail
        if not inflater.eof:
            yield inflater.flush()
    except zlib.error as error:
        raise WorkbookError("file.damaged") from error


def _seek_content(file: IO[bytes], entry: zipfile.ZipInfo) -> int:
    """Go to the first byte of a part's content, and return how many there are."""
    try:
        file.seek(entry.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        if len(header) != _LOCAL_HEADER.size:
            raise WorkbookError("file.damaged")
        signature, name, extra = _LOCAL_HEADER.unpack(header)
        file.seek(name + extra, io.SEEK_CUR)
    except (ValueError, OSError) as error:
        raise WorkbookError("file.damaged") from error
    if signature != _LOCAL_SIGNATURE:
        raise WorkbookError("file.damaged")
    return entry.compress_size
