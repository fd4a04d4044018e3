"""A body is spooled: small ones in memory, large ones through a file."""

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerege.exchange.spool import BLOCK_SIZE, MEMORY_LIMIT, Spool, remove_leftovers
from kerege.xroad.faults import XRoadError


async def spooled(directory: Path, *chunks: bytes) -> Spool:
    spool = Spool(directory, hashlib.sha512(), hashlib.sha256())
    for chunk in chunks:
        await spool.write(chunk)
    await spool.finish()
    return spool


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def read(spool: Spool) -> bytes:
    return b"".join([chunk async for chunk in spool.chunks()])


async def test_a_small_body_stays_in_memory_and_touches_no_file(tmp_path: Path):
    spool = await spooled(tmp_path, b"one", b"", b"two")

    assert spool.data == b"onetwo"
    assert spool.path is None
    assert spool.size == 6
    assert spool.digest == hashlib.sha512(b"onetwo").digest()
    assert spool.digests[1] == hashlib.sha256(b"onetwo").digest()
    assert names(tmp_path) == []


async def test_an_empty_body_is_a_body(tmp_path: Path):
    spool = await spooled(tmp_path)

    assert spool.data == b""
    assert await read(spool) == b""
    assert spool.digest == hashlib.sha512(b"").digest()


async def test_the_last_byte_that_fits_in_memory_stays_and_one_more_goes_to_a_file(
    tmp_path: Path,
):
    fits = await spooled(tmp_path, bytes(MEMORY_LIMIT))
    over = await spooled(tmp_path, bytes(MEMORY_LIMIT), b"!")

    assert fits.path is None
    assert over.data is None
    assert over.path is not None
    assert over.path.stat().st_size == over.size == MEMORY_LIMIT + 1
    over.discard()


@pytest.mark.parametrize("step", [1000, 65536, BLOCK_SIZE, 3 * MEMORY_LIMIT])
async def test_how_a_large_body_is_cut_into_chunks_does_not_matter(
    tmp_path: Path, step: int
):
    body = b"".join(i.to_bytes(4, "big") for i in range(3 * MEMORY_LIMIT // 4)) + b"x"
    spool = await spooled(
        tmp_path, *(body[i : i + step] for i in range(0, len(body), step))
    )

    assert spool.size == len(body)
    assert spool.digests == (
        hashlib.sha512(body).digest(),
        hashlib.sha256(body).digest(),
    )
    assert await read(spool) == body
    assert await read(spool) == body
    spool.discard()
    assert names(tmp_path) == []


async def test_a_large_body_is_never_whole_in_memory(tmp_path: Path):
    spool = Spool(tmp_path)
    for _ in range(64):
        await spool.write(bytes(65536))
        held = sum(len(block) for block in spool._blocks)
        assert held <= MEMORY_LIMIT
    await spool.finish()

    assert [len(c) async for c in spool.chunks()] == [BLOCK_SIZE] * 16
    spool.discard()


async def test_a_kept_body_has_its_new_name_and_survives_discard(tmp_path: Path):
    spool = await spooled(tmp_path, bytes(MEMORY_LIMIT + 1))
    lasting = tmp_path / "kept"
    await spool.keep(lasting)
    spool.discard()

    assert lasting.stat().st_size == MEMORY_LIMIT + 1
    assert names(tmp_path) == ["kept"]
    assert len(await read(spool)) == MEMORY_LIMIT + 1


async def test_keeping_a_small_body_writes_nothing(tmp_path: Path):
    spool = await spooled(tmp_path, b"small")
    await spool.keep(tmp_path / "kept")

    assert names(tmp_path) == []
    assert spool.data == b"small"


async def test_discarding_in_the_middle_removes_the_file_and_may_be_repeated(
    tmp_path: Path,
):
    spool = Spool(tmp_path)
    await spool.write(bytes(MEMORY_LIMIT + 1))
    assert len(names(tmp_path)) == 1

    spool.discard()
    spool.discard()

    assert names(tmp_path) == []


async def test_a_full_disk_is_an_io_error_that_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    spool = Spool(tmp_path)
    monkeypatch.setattr("kerege.exchange.spool._write_all", full)
    with pytest.raises(XRoadError) as caught:
        await spool.write(bytes(MEMORY_LIMIT + 1))

    assert caught.value.code == "io_error"
    assert "No space left on device" in caught.value.message
    assert str(tmp_path) in caught.value.advice
    spool.discard()
    assert names(tmp_path) == []


async def test_a_missing_folder_is_an_io_error(tmp_path: Path):
    spool = Spool(tmp_path / "nowhere")
    with pytest.raises(XRoadError, match="io_error"):
        await spool.write(bytes(MEMORY_LIMIT + 1))


async def test_reading_before_the_end_is_a_mistake_of_ours(tmp_path: Path):
    spool = Spool(tmp_path)
    await spool.write(b"half")

    with pytest.raises(RuntimeError):
        _ = spool.data
    with pytest.raises(RuntimeError):
        await read(spool)


async def test_a_body_at_hand_is_spooled_in_one_step():
    spool = Spool.of(b"ready")

    assert spool.data == b"ready"
    assert spool.digest == hashlib.sha512(b"ready").digest()
    assert await read(spool) == b"ready"


CRASH = """
import asyncio, os, sys
from pathlib import Path
from kerege.exchange.spool import MEMORY_LIMIT, Spool
asyncio.run(Spool(Path(sys.argv[1])).write(bytes(MEMORY_LIMIT + 1)))
os._exit(9)
"""


async def test_leftovers_of_a_crash_are_removed_and_others_stay(tmp_path: Path):
    kept = await spooled(tmp_path, bytes(MEMORY_LIMIT + 1))
    await kept.keep(tmp_path / "1.body")
    ours = await spooled(tmp_path, bytes(MEMORY_LIMIT + 1))
    crash = [sys.executable, "-c", CRASH, str(tmp_path)]
    await asyncio.to_thread(subprocess.run, crash, check=False)
    (tmp_path / "body-of-an-older-version.spool").touch()
    assert len(names(tmp_path)) == 4

    assert remove_leftovers(tmp_path) == 2

    assert ours.path
    assert set(names(tmp_path)) == {"1.body", ours.path.name}
    ours.discard()


async def test_a_thread_that_comes_too_late_makes_no_file(tmp_path: Path):
    spool = Spool(tmp_path)
    await spool.write(bytes(MEMORY_LIMIT))
    writing = spool.write(b"one more")
    spool.discard()
    await writing

    assert names(tmp_path) == []


async def test_of_a_body_too_large_to_be_of_use_only_digest_and_size_stay(
    tmp_path: Path,
):
    spool = Spool(tmp_path, useful_bytes=2 * MEMORY_LIMIT)
    for _ in range(32):
        await spool.write(bytes(65536))
    await spool.finish()
    assert not spool.is_forgotten  # two megabytes are of use to the last byte
    assert spool.path is not None
    spool.discard()

    spool = Spool(tmp_path, useful_bytes=2 * MEMORY_LIMIT)
    for _ in range(48):
        await spool.write(bytes(65536))
    await spool.finish()

    assert spool.is_forgotten
    assert names(tmp_path) == []
    assert spool.size == 3 * MEMORY_LIMIT
    assert spool.digest == hashlib.sha512(bytes(3 * MEMORY_LIMIT)).digest()
    assert spool.data is None
    assert spool.path is None
    await spool.keep(tmp_path / "kept")
    with pytest.raises(RuntimeError, match="not worth keeping"):
        await read(spool)
    assert names(tmp_path) == []


async def test_a_body_of_no_use_from_the_beginning_never_has_a_file(tmp_path: Path):
    spool = Spool(tmp_path / "nowhere", useful_bytes=MEMORY_LIMIT // 2)
    await spool.write(bytes(3 * MEMORY_LIMIT))
    await spool.finish()

    assert spool.is_forgotten
    assert spool.digest == hashlib.sha512(bytes(3 * MEMORY_LIMIT)).digest()


async def test_what_a_thread_could_not_write_is_told_at_the_latest_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    spool = Spool(tmp_path)
    await spool.write(bytes(MEMORY_LIMIT + 1))
    monkeypatch.setattr("kerege.exchange.spool._write_all", full)
    await spool.write(bytes(BLOCK_SIZE))
    with pytest.raises(XRoadError, match="io_error"):
        await spool.finish()
    spool.discard()

    assert names(tmp_path) == []


@pytest.mark.parametrize("flag", [None, 1 << 30], ids=["unknown", "refused"])
async def test_where_the_kernel_cannot_say_what_it_has_a_thread_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: int | None
):
    body = bytes(range(256)) * (2 * MEMORY_LIMIT // 256) + b"end"
    spool = await spooled(tmp_path, body)
    monkeypatch.setattr("kerege.exchange.spool._NO_WAIT", flag)

    assert await read(spool) == body
    spool.discard()


async def test_a_file_that_shrinks_below_us_ends_the_reading(tmp_path: Path):
    spool = await spooled(tmp_path, bytes(2 * MEMORY_LIMIT))
    assert spool.path
    os.truncate(spool.path, MEMORY_LIMIT)

    assert len(await read(spool)) == MEMORY_LIMIT
    spool.discard()


def files_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


@pytest.mark.parametrize("flag", [None, getattr(os, "RWF_NOWAIT", None)])
async def test_a_hidden_body_is_in_no_file_and_is_read_any_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: int | None
):
    monkeypatch.setattr("kerege.exchange.spool._NO_WAIT", flag)
    secret = b"salary of Aibek: 41 000 som"
    whole = secret * (3 * MEMORY_LIMIT // len(secret))
    spool = Spool(tmp_path, hashlib.sha512(), hides=True)
    for start in range(0, len(whole), 70_001):
        await spool.write(whole[start : start + 70_001])
    await spool.finish()
    (stored,) = files_in(tmp_path)
    assert secret not in stored
    assert len(stored) == len(whole) == spool.size
    for _ in range(2):
        assert b"".join([chunk async for chunk in spool.chunks()]) == whole
        assert b"".join(spool.blocks()) == whole
    assert spool.digest == hashlib.sha512(whole).digest()
    spool.discard()

    other = Spool(tmp_path, hashlib.sha512(), hides=True)
    await other.write(whole)
    await other.finish()
    assert files_in(tmp_path)[0][:64] != stored[:64], "each has a key of its own"
    other.discard()
