"""A worker that does nothing but what its settings file says, for supervisors' tests.

It speaks the protocol of real workers; what it is to do stands in a comment of the
settings: ``# worker: die``, ``fail``, ``second`` (only worker 2 fails), ``unlocked``
(fails without a PIN), ``locked`` (fails with one), ``deaf`` (does not stop), ``mute``
(never ready).
"""

import json
import os
import re
import signal
import socket
import sys
import time

from kerege.exchange.supervisor.channel import Channel, ChannelError
from kerege.exchange.supervisor.workers import CHANNEL


def main() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=CHANNEL))
    boot = channel.receive_first()
    found = re.search(r"# worker: (\w+)", boot["settings"])
    kind = found[1] if found else ""
    say(
        "began", boot["number"], pin=boot["pin"] is not None, ports=len(channel.sockets)
    )
    if kind == "die":
        os._exit(3)
    if boot["pin"] not in (None, "right"):
        failed = {"what": "The PIN is wrong", "code": "pin_incorrect"}
        channel.send({"failed": failed})
        sys.exit(1)
    if (
        kind == "fail"
        or (kind == "second" and boot["number"] == 2)
        or (kind == "unlocked" and boot["pin"] is None)
        or (kind == "locked" and boot["pin"] is not None)
    ):
        channel.send(
            {"failed": {"what": "No keys", "advice": "Make some.", "code": "x"}}
        )
        sys.exit(1)
    if kind != "mute":
        channel.send({"ready": True})
    lent: dict[int, int] = {}
    del channel.sockets[:]
    try:
        while True:
            for message in channel.receive():
                if message["do"] in ("adopt", "release"):
                    lend(channel, message, boot["number"], lent)
                else:
                    answer(channel, message, kind)
    except ChannelError:
        say("orphan", boot["number"])


def answer(channel: Channel, message: dict[str, object], kind: str) -> None:
    match message["do"]:
        case "stop" if kind == "deaf":
            time.sleep(1000)
        case "stop":
            sys.exit(0)
        case "login" if message["pin"] != "right":
            failed = {"what": "The PIN is wrong", "code": "pin_incorrect"}
            channel.send({"reply": message["id"], "failed": failed})
        case "state":
            say("asked", 0)
            channel.send({"reply": message["id"], "problems": []})
        case _:
            channel.send({"reply": message["id"]})


def lend(channel, message, number: int, lent: dict[int, int]) -> None:
    """Say what is lent to us, and what is not any more."""
    if message["do"] == "adopt":
        lent[message["loan"]] = channel.sockets.pop(0)
        with socket.socket(fileno=os.dup(lent[message["loan"]])) as one:
            address = "{}:{}".format(*one.getsockname())
        say("adopted", number, port=message["port"], address=address)
    else:
        os.close(lent.pop(message["loan"]))
        say("released", number, left=len(lent))


def say(event: str, number: int, **more: object) -> None:
    line = json.dumps({"event": event, "worker": number, "pid": os.getpid(), **more})
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
