"""`kerege monitor`: what passes running servers, from their operational monitoring."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

import click

from kerege.cli.failures import Failure
from kerege.cli.security_server.options import DEFAULT_CONFIG, read_settings
from kerege.cli.watch import until_stopped, write_line
from kerege.exchange.http import ClientPool
from kerege.exchange.security_server.settings import SettingsError, split_address
from kerege.sandbox.events import Event
from kerege.sandbox.live import LiveView
from kerege.sandbox.live_records import (
    BEHIND_SECONDS,
    Address,
    MonitorError,
    RecordSource,
)
from kerege.sandbox.live_show import Show
from kerege.sandbox.live_state import LiveState
from kerege.sandbox.live_terminal import Terminal, can_show

MAX_SERVERS = 16
"""Servers that fit on a screen."""
_NOTHING_YET = (
    " They appear some seconds after they passed. A server whose settings have",
    " op_monitoring.buffer_records = 0 does not record any.",
)

Hear = Callable[[Sequence[Event], str], None]
"""Takes events, and whose they are."""
Note = Callable[[str], None]


@click.command()
@click.argument("servers", nargs=-1, metavar="[SERVER]...")
@click.option(
    "--lines", is_flag=True, help="Print a line for each message instead of a screen."
)
def monitor(*, servers: tuple[str, ...], lines: bool) -> None:
    r"""Watch rates, errors and durations per service, from operational monitoring.

    Each SERVER is a settings file, or the address of an admin port (host:port); without
    one it is server.toml in this folder, or what KEREGE_CONFIG says. Shows what `kerege watch` shows, a few seconds
    later, and needs no log: the last minute is there at once. Names only what the
    configuration knows; never a path, a user or a body.

    \b
    Examples:
      kerege monitor
      kerege monitor 127.0.0.1:9180
      kerege monitor --lines ss1/server.toml ss2/server.toml
    """
    if len(servers) > MAX_SERVERS:
        msg = f"At most {MAX_SERVERS} servers fit on a screen"
        raise click.UsageError(msg)
    own = os.environ.get("KEREGE_CONFIG", DEFAULT_CONFIG)
    addresses = {name: _address(name) for name in servers or (own,)}
    has_screen = can_show(sys.stdout) and not lines
    work = _show(addresses) if has_screen else _print_lines(addresses)
    try:
        asyncio.run(until_stopped(work))
    except MonitorError as error:
        raise _not_told(error) from error


def _address(name: str) -> Address:
    """Return where a server's admin port is."""
    if "/" not in name and ":" in name and not Path(name).exists():
        try:
            return split_address(name)
        except SettingsError as error:
            raise click.UsageError(str(error)) from error
    settings = read_settings(Path(name))
    if not settings.listen.admin:
        msg = f"The server of {name} has no admin port"
        advice = 'Set admin = "127.0.0.1:9180" in the section [listen] of its settings.'
        raise Failure(msg, advice=advice)
    return split_address(settings.listen.admin)


def _not_told(error: MonitorError) -> Failure:
    advice = "Does the server run, and is the admin port of its settings this one?"
    return Failure(str(error), advice=advice)


async def _print_lines(addresses: dict[str, Address]) -> None:
    passed = datetime.now().astimezone()
    view = LiveView(write_line, lambda: passed, joined=False)

    def hear(events: Sequence[Event], _: str) -> None:
        nonlocal passed
        for event in events:
            passed = datetime.fromisoformat(str(event["timestamp"])).astimezone()
            view.hear(event)

    async with ClientPool() as pool:
        await _hear_all(addresses, pool, hear, None)


async def _show(addresses: dict[str, Address]) -> None:
    state = LiveState(time.time() - BEHIND_SECONDS)

    def hear(events: Sequence[Event], server: str) -> None:
        for event in events:
            state.hear(event, time.time(), server)

    async with ClientPool() as pool:
        names = {n: await RecordSource(a, pool).name() for n, a in addresses.items()}
        for key, name in names.items():
            hear([{"event": "ready", "level": "info", "server": name}], key)
        with Terminal() as terminal:
            show = Show(
                state,
                terminal,
                when_empty=_NOTHING_YET,
                clock=lambda: time.time() - BEHIND_SECONDS,
            )

            def note(text: str) -> None:
                show.note = text

            loop = asyncio.get_running_loop()
            asking = loop.create_task(_hear_all(addresses, pool, hear, note))
            try:
                await show.run()
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)


async def _hear_all(
    addresses: dict[str, Address], pool: ClientPool, hear: Hear, note: Note | None
) -> None:
    await asyncio.gather(
        *(
            _hear(RecordSource(address, pool), name, hear, note)
            for name, address in addresses.items()
        )
    )


async def _hear(source: RecordSource, name: str, hear: Hear, note: Note | None) -> None:
    """Hear one server; one that does not answer is noted, or ends it all."""
    async with aclosing(source.follow()) as answers:
        async for answer in answers:
            if not isinstance(answer, MonitorError):
                hear(answer, name)
            elif note is None:
                raise answer
            if note is not None:
                note(str(answer) if isinstance(answer, MonitorError) else "")
