"""The memory of a process that passes messages for months."""

import asyncio
import ctypes
import gc
import weakref

from kerege.exchange import memory


class Held:
    """Something large that an exception's frame held."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_is_in_cycles_goes_and_free_memory_is_given_back(monkeypatch):
    given_back = asyncio.Event()
    monkeypatch.setattr(memory, "_give_back", lambda: given_back.set)
    gc.disable()
    try:
        held = Held()
        found = weakref.ref(held)
        gc.collect()
        del held
        assert found() is not None
        tidying = asyncio.get_running_loop().create_task(memory.keep_tidy(0))
        await given_back.wait()
        tidying.cancel()
        assert found() is None
    finally:
        gc.enable()


def test_memory_can_be_given_back_here():
    assert isinstance(memory._give_back()(), int)


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert memory._give_back()() is None
