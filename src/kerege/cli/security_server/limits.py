"""`kerege security-server limits`: how much a client may ask of the server."""

import math
from collections.abc import Iterator
from pathlib import Path

import click

from kerege.cli.identifiers import client_id as a_client
from kerege.cli.output import print_json, print_table
from kerege.cli.security_server.common import (
    changing,
    json_option,
    server_configuration,
)
from kerege.cli.security_server.options import config_option, read_settings
from kerege.exchange.security_server.effective_limits import (
    EffectiveLimits,
    defaults_of,
    effective,
)
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage.server_configuration import (
    ClientLimits,
    ServerConfiguration,
    Side,
    remove_client_limits,
    set_client_limits,
)
from kerege.xroad.identifiers import ClientId

UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
MOST = 2**62
"""Bytes that a database's number holds."""
MOST_MESSAGES = 1_000_000
"""More than a server passes in a second: a slip of the finger."""
LEAST_RATE = 0.0001
"""One message in some hours; a client that may send none has no access right."""


def a_size(text: str) -> int:
    """Read bytes, perhaps with K, M or G (of 1024)."""
    digits, unit = text[:-1], text[-1:].upper()
    if unit.isdigit():
        digits, unit = text, ""
    is_number = digits.isascii() and digits.isdecimal() and len(digits) < 20
    if not is_number or unit not in UNITS or int(digits) * UNITS[unit] > MOST:
        msg = f"{text[:40]!r} is no size: 500000, 64K, 10M, 2G; 0 lifts the limit"
        raise click.BadParameter(msg)
    return int(digits) * UNITS[unit]


def a_rate(text: str) -> float:
    """Read messages per second."""
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if rate != 0 and not LEAST_RATE <= rate <= MOST_MESSAGES:
        msg = f"{text[:40]!r} is no number of messages: 50, 0.5; 0 lifts the limit"
        raise click.BadParameter(msg)
    return rate


side_option = click.option(
    "--side",
    type=click.Choice([side.value for side in Side]),
    help="Where its messages come in: `client`, from its own information system, or "
    "`server`, from another server. By default `client` for clients of this server, "
    "`server` for others.",
)


@click.group()
def limits() -> None:
    r"""How much a client may ask: sizes, messages per second, messages at once.

    \b
    Examples:
      kerege security-server limits set central-server/GOV/70000001/portal \
          --messages-per-second 50 --burst 200 --request-size 10M
      kerege security-server limits set central-server/COM/60000001 \
          --messages-at-once 20
      kerege security-server limits show
      kerege security-server limits show central-server/COM/60000001/banking

    What is set for a member holds for it and all its subsystems together that have no
    limit of their own; what the settings say ([own_clients], [other_clients]), for each
    client by itself. Running servers notice changes within three seconds.
    """


@limits.command("set")
@click.argument("client_id", type=a_client)
@side_option
@click.option("--request-size", type=a_size, help="Largest request: bytes, K, M or G.")
@click.option("--answer-size", type=a_size, help="Largest answer, likewise.")
@click.option("--messages-per-second", type=a_rate, help="On average.")
@click.option(
    "--burst",
    type=click.IntRange(0, MOST_MESSAGES),
    help="Messages at once after a pause; 0 stands for those of one second.",
)
@click.option(
    "--messages-at-once",
    type=click.IntRange(0, MOST_MESSAGES),
    help="Messages under way at one time.",
)
@config_option
def set_(  # noqa: PLR0913 - one for each option
    *,
    client_id: ClientId,
    side: str | None,
    request_size: int | None,
    answer_size: int | None,
    messages_per_second: float | None,
    burst: int | None,
    messages_at_once: int | None,
    config: Path,
) -> None:
    """Limit a client or a member; 0 lifts a limit, what is not given stays."""
    chosen = ClientLimits(
        request_size, answer_size, messages_per_second, burst, messages_at_once
    )
    if chosen == ClientLimits():
        raise click.UsageError("Give at least one limit, --messages-per-second perhaps")
    known = server_configuration(config)
    where = _side(known, client_id, side)
    before = known.client_limits.get((where, client_id), ClientLimits())
    if burst and not (messages_per_second or before.messages_per_second):
        raise click.UsageError("--burst needs --messages-per-second")
    with changing(config) as database:
        set_client_limits(database, where, client_id, chosen)
    settings, now = read_settings(config), server_configuration(config)
    words = ", ".join(_words(_effective(now, settings, where, client_id)))
    click.echo(f"{client_id.short}, {_WAYS[where]}: {words or 'no limits'}")


@limits.command()
@click.argument("client_id", type=a_client)
@side_option
@config_option
def remove(client_id: ClientId, side: str | None, config: Path) -> None:
    """Have its member's limits hold for a client again, or those of the settings."""
    where = _side(server_configuration(config), client_id, side)
    with changing(config) as database:
        remove_client_limits(database, where, client_id)
    click.echo(f"{client_id.short}, {_WAYS[where]}: has no limits of its own any more")


@limits.command()
@click.argument("client_id", type=a_client, required=False)
@json_option
@config_option
def show(*, client_id: ClientId | None, as_json: bool, config: Path) -> None:
    """Show what is set; with an identifier, what holds for that client."""
    known, settings = server_configuration(config), read_settings(config)
    if client_id is None:
        shown = [
            (who.path, side, effective({(side, who): one}, side, who, _NONE))
            for (side, who), one in known.client_limits.items()
        ]
        nobody = ClientId("-", "-", "-")
        shown += [
            ("every other client", side, effective({}, side, nobody, defaults))
            for side, defaults in defaults_of(settings).items()
        ]
    else:
        shown = [
            (client_id.path, side, _effective(known, settings, side, client_id))
            for side in Side
        ]
    if as_json:
        print_json([_fields(*row) for row in shown])
        return
    rows = [
        (who, side.value, ", ".join(_words(found)) or "no limits")
        for who, side, found in shown
    ]
    print_table(("CLIENT", "SIDE", "LIMITS"), rows, nothing="No limits")


_WAYS = {
    Side.CLIENT: "as its information system sends",
    Side.SERVER: "as other servers send for it",
}
_NONE = defaults_of(Settings())[Side.CLIENT]


def _side(known: ServerConfiguration, client_id: ClientId, chosen: str | None) -> Side:
    """Return where a client's messages come in."""
    if chosen is not None:
        return Side(chosen)
    is_own = known.client(client_id) is not None
    if not is_own:  # a member of whom only subsystems are served here
        is_own = any(client.member == client_id for client in known.clients)
    return Side.CLIENT if is_own else Side.SERVER


def _effective(
    known: ServerConfiguration, settings: Settings, side: Side, client_id: ClientId
) -> EffectiveLimits:
    return effective(known.client_limits, side, client_id, defaults_of(settings)[side])


def _words(found: EffectiveLimits) -> Iterator[str]:
    if found.rate.value:
        yield f"{found.rate.value:g} messages/s, {found.rate.burst} in a burst"
    if found.messages_at_once.value:
        yield f"{found.messages_at_once.value} messages at once"
    if found.request_bytes.value:
        yield f"requests up to {found.request_bytes.value} bytes"
    if found.answer_bytes.value:
        yield f"answers up to {found.answer_bytes.value} bytes"


def _fields(who: str, side: Side, found: EffectiveLimits) -> dict[str, object]:
    return {
        "client": who,
        "side": side.value,
        "messages_per_second": found.rate.value,
        "burst": found.rate.burst if found.rate.value else 0,
        "messages_at_once": found.messages_at_once.value,
        "request_bytes": found.request_bytes.value,
        "answer_bytes": found.answer_bytes.value,
    }
