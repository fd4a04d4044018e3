"""Telling systemd how things stand: the protocol of sd_notify(3)."""

import os
import socket
import time


def notify(*lines: str) -> None:
    """Send lines such as ``READY=1``; nothing happens without systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract name
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.connect(address)
            end.sendall("\n".join(lines).encode())
    except OSError:
        return  # a service manager that is gone does not stop messages


def notify_reloading() -> None:
    """Say that the settings are being read again."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
