"""Where the events of the live screen come from: files that grow, and pipes."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from kerege.sandbox.events import LineSplitter

READ_BYTES = 64 * 1024
TAIL_BYTES = 1024 * 1024
"""How much of the end of a file is read at the beginning: some minutes of a busy
server, and more of others."""
LOOK_SECONDS = 0.25
"""How often a file that is followed is looked at."""


async def follow_file(
    path: Path, *, tail_bytes: int = TAIL_BYTES
) -> AsyncGenerator[list[bytes], None]:
    """Yield lines of a file's end, then what is added to it, for ever.

    A file that was replaced or shortened, as logs are when they are rotated, is read
    from its beginning.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        splitter = _at_tail(descriptor, tail_bytes)
        while True:
            data = os.read(descriptor, READ_BYTES)
            if data:
                yield splitter.feed(data)
                await asyncio.sleep(0)  # others' turn: a file may be long
                continue
            await asyncio.sleep(LOOK_SECONDS)
            if _was_replaced(descriptor, path):
                with suppress(OSError):  # it may not be there again yet
                    fresh = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    os.close(descriptor)
                    descriptor, splitter = fresh, LineSplitter()
    finally:
        os.close(descriptor)


async def read_pipe(descriptor: int) -> AsyncGenerator[list[bytes], None]:
    """Yield the lines of a pipe, or a file that was put in its place, to its end."""
    splitter = LineSplitter()
    waits = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    while True:
        if waits:
            await _readable(descriptor)
        data = os.read(descriptor, READ_BYTES)
        if not data:
            break
        yield splitter.feed(data)
        await asyncio.sleep(0)
    if last := splitter.feed(b"\n"):
        yield [line for line in last if line]


def _at_tail(descriptor: int, tail_bytes: int) -> LineSplitter:
    """Go to the last lines of a file; what is left of the first one is dropped."""
    size = os.fstat(descriptor).st_size
    splitter = LineSplitter()
    if size > tail_bytes:
        os.lseek(descriptor, size - tail_bytes, os.SEEK_SET)
        while data := os.read(descriptor, 1):
            if data == b"\n":
                break
    return splitter


def _was_replaced(descriptor: int, path: Path) -> bool:
    own = os.fstat(descriptor)
    try:
        there = path.stat()
    except OSError:
        return False
    is_other = (own.st_dev, own.st_ino) != (there.st_dev, there.st_ino)
    return is_other or there.st_size < os.lseek(descriptor, 0, os.SEEK_CUR)


async def _readable(descriptor: int) -> None:
    """Return when a read does not wait."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def note() -> None:
        loop.remove_reader(descriptor)
        if not ready.done():
            ready.set_result(None)

    try:
        loop.add_reader(descriptor, note)
    except PermissionError:
        return  # such as /dev/null: never waits
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
