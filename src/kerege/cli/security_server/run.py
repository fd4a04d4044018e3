"""`kerege security-server run`: one server in the foreground, logging to stdout."""

import asyncio
import errno
import gc
import re
import signal
from pathlib import Path

import click
import structlog
import uvloop

from kerege.cli.failures import Failure, failure_of
from kerege.cli.logs import LogFormat, LogLevel, configure_logs
from kerege.cli.security_server.common import (
    active_token,
    config_option,
    pin_option,
    private_files,
    read_settings,
)
from kerege.exchange.keys import SoftwareToken
from kerege.exchange.keys.server_keys import internal_identity, server_keys
from kerege.exchange.security_server.runtime import Exchange
from kerege.exchange.security_server.server import MakeKeys, SecurityServer
from kerege.exchange.security_server.settings import Listen, Settings, options_of
from kerege.exchange.tls import UnsuitableOpenSSLError

COLLECT_AFTER = (25_000, 20, 20)
"""Objects made since the last collection, and rounds of the younger generations."""

_log = structlog.get_logger(__name__)

_NOT_LISTENING = {
    errno.EADDRINUSE: "Another program uses it: stop that, or change [listen] in the "
    "settings file.",
    errno.EADDRNOTAVAIL: "This machine does not have the address: correct [listen] in "
    "the settings file.",
    errno.EACCES: "Ports below 1024 need a privilege: choose another, or allow "
    "CAP_NET_BIND_SERVICE.",
}


@click.command()
@config_option
@pin_option
@click.option(
    "--log-format",
    type=click.Choice([style.value for style in LogFormat]),
    default=LogFormat.JSON.value,
    show_default=True,
    help="One event a line, as JSON or for people.",
)
@click.option(
    "--log-level",
    type=click.Choice([level.value for level in LogLevel]),
    default=LogLevel.INFO.value,
    show_default=True,
    help="The least severe events to write; `warning` leaves out passed messages.",
)
def run(config: Path, pin_from: str, log_format: str, log_level: str) -> None:
    r"""Run a server until it is told to stop (SIGTERM, Ctrl-C).

    Events go to standard output, one a line: `ready` with the addresses when all
    ports listen, then `message` for each message that passed. They have no path, no
    query and no body.

    \b
    Examples:
      kerege security-server run
      kerege security-server run -c /srv/ss1/server.toml --pin-from credential:pin
      kerege security-server run --pin-from fd:3 3< /run/ss1-pin
    """
    settings = read_settings(config)
    configure_logs(LogFormat(log_format), LogLevel(log_level))
    token = active_token(settings, pin_from)
    with (
        private_files(),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        try:
            runner.run(serve_until_stopped(settings, _keys_of(token, settings)))
        except (OSError, UnsuitableOpenSSLError) as error:
            raise start_failure(error) from error


async def serve_until_stopped(settings: Settings, make_keys: MakeKeys) -> None:
    """Run a server until a signal comes."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        stopped.set()
        for other in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(other)  # a second one is not so patient

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    async with SecurityServer(settings, make_keys, on_exchange=log_exchange) as server:
        calm_garbage_collection()
        _log.info(
            "ready",
            server=settings.server_id.short,
            addresses=addresses(settings, server.ports),
        )
        await stopped.wait()
    _log.info("stopped", server=settings.server_id.short)


def calm_garbage_collection() -> None:
    """Look for cycles less often, and never again in what the start has made.

    A message makes some thousand objects and hardly any cycle: with Python's defaults
    the collector takes one twentieth of the time of a busy server.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def log_exchange(exchange: Exchange) -> None:
    """Write the event of one message that passed."""
    _log.info(
        "message",
        side=exchange.side,
        client=exchange.client,
        service=exchange.service,
        verdict=exchange.verdict,
        milliseconds=round(exchange.milliseconds, 1),
        request_id=exchange.request_id,
        **({"detail": exchange.fault_detail} if exchange.fault_detail else {}),
    )


def addresses(settings: Settings, ports: tuple[int, ...]) -> dict[str, str]:
    """Return what is listened on, by name of the setting, with the real ports."""
    chosen = {
        option.name: str(getattr(settings.listen, option.name))
        for option in options_of(Listen)
    }
    names = [name for name, address in chosen.items() if address]
    return {
        name: f"{chosen[name].rpartition(':')[0]}:{port}"
        for name, port in zip(names, ports, strict=False)
    }


def _keys_of(token: SoftwareToken, settings: Settings) -> MakeKeys:
    internal = internal_identity(settings.directory)
    return lambda intermediates: server_keys(token, internal, intermediates)


def start_failure(error: OSError | UnsuitableOpenSSLError) -> Failure:
    """Return the lines for a server that did not start."""
    if isinstance(error, UnsuitableOpenSSLError):
        return Failure(error.message, advice=error.advice)
    if isinstance(error, TimeoutError):
        return Failure(
            "The server did not become ready in time",
            why="The global configuration or OCSP responses did not arrive.",
            advice="Are the addresses in the configuration anchor reachable from here?",
        )
    if error.errno in _NOT_LISTENING:
        found = re.search(r"\('([^']+)', (\d+)", str(error))
        where = f"{found[1]}:{found[2]}" if found else "one of its addresses"
        return Failure(
            f"Cannot listen on {where}",
            why=(error.strerror or str(error)).rpartition(": ")[2],
            advice=_NOT_LISTENING[error.errno],
        )
    return failure_of(error)
