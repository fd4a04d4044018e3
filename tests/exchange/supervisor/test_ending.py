"""A worker ends in time, whatever holds it; and hears what was said at once."""

import os
import socket
import subprocess
import sys

import pytest

from kerege.exchange.supervisor.channel import Channel

HELD = """
import asyncio, threading
from kerege.exchange.supervisor.ending import Ending
from kerege.exchange.supervisor.lines import Lines
ending = Ending(lambda held: print(held, flush=True))

def waits_for_ever(lines):
    threading.Event().wait()

waits_for_ever.__globals__["__name__"] = "kerege.exchange.waiting"

async def main():
    held = asyncio.to_thread(waits_for_ever, None)
    task = asyncio.create_task(held)
    await asyncio.sleep(0)
    for seconds in {seconds}:
        ending.within(seconds)
    task.cancel()

asyncio.run(main())
"""


@pytest.mark.parametrize("seconds", [(0.2,), (3600.0, 0.2, 7200.0)])
def test_a_thread_that_hangs_does_not_keep_a_process(seconds):
    program = HELD.format(seconds=seconds)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "exchange.waiting.waits_for_ever" in done.stdout


def test_what_is_said_together_with_the_first_message_is_not_lost():
    one, other = socket.socketpair()
    ours, theirs = Channel(one), Channel(other)
    theirs.send({"name": "boot"})
    theirs.send({"do": "stop"})
    assert ours.receive_first() == {"name": "boot"}
    assert ours.unblocked().receive() == [{"do": "stop"}]
    assert ours.receive() == []
    ours.close()
    theirs.close()


def test_sockets_come_with_later_messages_too_and_are_closed_if_nobody_takes_them():
    one, other = socket.socketpair()
    ours, theirs = Channel(one), Channel(other)
    reading, writing = os.pipe()
    theirs.send({"do": "first"}, [reading])
    theirs.send({"do": "second"}, [writing, writing])
    assert ours.receive_first() == {"do": "first"}
    assert len(ours.sockets) == 1
    got = ours.unblocked().receive()
    assert got == [{"do": "second"}]
    taken, *left = ours.sockets
    del ours.sockets[0]
    ours.close()
    os.fstat(taken)
    for each in left:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(each)
    for each in (taken, reading, writing):
        os.close(each)
    theirs.close()
