"""Handing over more than a message between processes takes: in a file of memory.

A channel never waits, so it takes what fits into a socket's buffer. A longer content
goes into a file without a name, and its descriptor goes with the message.
"""

import os

from kerege.exchange.supervisor.channel import Channel, Message

CONTENT = "content"
"""In a message: that a content comes with it, and then the content itself."""
MAX_CONTENT_BYTES = 4 * 1024 * 1024
"""A page of five hundred records has some hundred kilobytes."""


def send_with(channel: Channel, message: Message, content: bytes) -> None:
    """Send a message with a content. Raises `ChannelError`, or `OSError`."""
    descriptor = os.memfd_create("kerege-content", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        channel.send({**message, CONTENT: True}, [descriptor])
    finally:
        os.close(descriptor)


def with_content(channel: Channel, message: Message) -> Message:
    """Return a message that was received, with the content that came with it."""
    if not message.get(CONTENT) or not channel.sockets:
        return message
    descriptor = channel.sockets.pop(0)
    try:
        content = os.pread(descriptor, MAX_CONTENT_BYTES, 0)
    except OSError:
        content = b""
    finally:
        os.close(descriptor)
    return {**message, CONTENT: content}
