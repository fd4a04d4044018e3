"""How a command asks a running server: through the socket in its spool folder."""

import os
import socket
from pathlib import Path

from kerege.exchange.supervisor.channel import Channel, ChannelError, Message
from kerege.exchange.supervisor.operators import address_in
from kerege.xroad.faults import XRoadError

ANSWER_SECONDS = 300.0
"""Replacing workers takes some seconds for each of them."""


def ask(folder: Path, message: Message) -> Message:
    """Return the answer of the server that runs in a spool folder.

    Raises:
        XRoadError: ``action_not_possible`` if none runs there, or it gives no answer;
            or with the code of the failure that it answers with.
    """
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _not_running(folder) from error
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.settimeout(ANSWER_SECONDS)
        try:
            end.connect(address_in(directory))
        except OSError as error:
            raise _not_running(folder) from error
        finally:
            os.close(directory)
        answer = _answer(Channel(end), message)
    failed = answer.get("failed")
    if failed is not None:
        code = failed.get("code", "")
        parts = ("what",) if code else ("what", "why")
        raise XRoadError(
            code or "action_not_possible",
            ": ".join(failed[part] for part in parts if failed.get(part)),
            advice=failed.get("advice", ""),
        )
    return answer


def _answer(channel: Channel, message: Message) -> Message:
    try:
        channel.send(message)
        while not (answers := channel.receive()):
            pass
    except ChannelError as error:
        raise XRoadError(
            "action_not_possible",
            "The server gave no answer",
            advice="It has stopped meanwhile, or belongs to another user: run the "
            "command as the server's user.",
        ) from error
    return answers[0]


def _not_running(folder: Path) -> XRoadError:
    return XRoadError(
        "action_not_possible",
        f"No server that can be reached runs in {folder}",
        advice="Start it with: kerege security-server run. Does it run as another "
        "user? Then run this command as that user.",
    )
