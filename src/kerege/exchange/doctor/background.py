"""Work that may hang for ever, in a thread that nobody waits for at the end.

A disk on a network that is gone blocks for hours. `asyncio.to_thread` would keep the
program from ending until the disk is back.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_daemon(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``work`` returns, or raise what it raises."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(error: BaseException | None, result: T | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # it is a T then

    def run() -> None:
        error: BaseException | None = None
        result: T | None = None
        try:
            result = work(*args, **kwargs)
        except BaseException as raised:  # noqa: BLE001 - it goes to who waits
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, error, result)

    threading.Thread(target=run, daemon=True).start()
    return await future
