"""What is too long for a channel goes with a message in a file of memory."""

import os
import socket

from kerege.exchange.supervisor.channel import Channel
from kerege.exchange.supervisor.contents import CONTENT, send_with, with_content


def ends() -> tuple[Channel, Channel]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Channel(one).unblocked(), Channel(other).unblocked()


def test_a_content_longer_than_a_sockets_buffer_arrives_whole():
    ours, theirs = ends()
    content = os.urandom(3 * 1024 * 1024)

    send_with(ours, {"reply": 1, "status": 200}, content)

    (message,) = theirs.receive()
    assert with_content(theirs, message) == {
        "reply": 1,
        "status": 200,
        CONTENT: content,
    }
    assert theirs.sockets == []
    ours.close()
    theirs.close()


def test_a_message_without_one_stays_as_it_is():
    ours, theirs = ends()
    ours.send({"reply": 1})
    (message,) = theirs.receive()
    assert with_content(theirs, message) == {"reply": 1}
    ours.close()
    theirs.close()


def test_a_message_that_only_says_so_brings_none():
    ours, theirs = ends()
    ours.send({"reply": 1, CONTENT: True})
    (message,) = theirs.receive()
    assert with_content(theirs, message)[CONTENT] is True
    ours.close()
    theirs.close()
