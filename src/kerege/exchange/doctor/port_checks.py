"""Ports: does the server listen, does somebody else, do others find it?"""

import errno
import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator

from kerege.exchange.doctor.asking import NotAnsweredError
from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.listeners import listener_of
from kerege.exchange.doctor.shaking_hands import (
    NoTlsError,
    require_connection,
    shown_certificates,
    stranger,
)
from kerege.exchange.doctor.token import TokenSeen, short_id
from kerege.exchange.security_server.settings import (
    Listen,
    Settings,
    SettingsError,
    options_of,
    split_address,
)

ADDRESS = Code(
    "D-PORT-ADDRESS",
    Severity.ERROR,
    "An address in [listen] is not one of this machine, or not an address.",
    "The server does not start.",
    "Correct [listen] in the settings file; `ip address` lists what this machine has.",
)
TAKEN = Code(
    "D-PORT-TAKEN",
    Severity.ERROR,
    "Another program listens on a port of this server.",
    "The server does not start.",
    "Stop the other program, or change [listen] in the settings file.",
)
FORBIDDEN = Code(
    "D-PORT-FORBIDDEN",
    Severity.ERROR,
    "This user may not listen on the port.",
    "The server does not start.",
    "Choose a port from 1024 on, or allow CAP_NET_BIND_SERVICE.",
)
SILENT = Code(
    "D-PORT-SILENT",
    Severity.ERROR,
    "The server runs and does not answer on one of its ports.",
    "Nobody can use that port.",
    "Has [listen] changed since the start? Then reload or restart. Else look at the "
    "server's log.",
)
OLD_CERTIFICATE = Code(
    "D-PORT-CERTIFICATE",
    Severity.WARNING,
    "The running server shows another certificate than the one it would show after a "
    "restart.",
    "A new certificate is not in use yet. When the old one ends, no message passes.",
    "Reload or restart the server: kerege security-server reload",
)
UNREGISTERED = Code(
    "D-SERVER-REGISTRATION",
    Severity.ERROR,
    "This server is not in the global configuration.",
    "Other servers do not know it: they refuse its messages and send none.",
    "Is `identifier` in the settings file right? Else ask the operator of the instance "
    "to register the server, with its authentication certificate and its address.",
)
UNREACHED = Code(
    "D-SERVER-ADDRESS",
    Severity.WARNING,
    "This server is not found at the address that is registered for it.",
    "Other servers look for it there. They may reach what this machine cannot; if not, "
    "nobody can call the services here.",
    "Does the name lead here, and does the firewall let the message port and the OCSP "
    "port in? If the address has changed, have the new one registered.",
)


async def look_at_ports(examination: Examination) -> Iterable[Finding]:
    """Look at every address in [listen]."""
    settings = examination.settings
    running = await examination.running.get()
    found: list[Finding] = []
    taken: defaultdict[str, list[str]] = defaultdict(list)
    for name, address in listened(settings):
        try:
            host, port = split_address(address)
        except SettingsError as error:
            found.append(ADDRESS.at(f"listen.{name}", f"{error}."))
            continue
        if running is None:
            found += await in_daemon(_free, name, host, port, taken)
        elif name != "admin":  # the server check asks there
            found += await _answers(examination, name, host, port)
    found += _taken(taken)
    state = "free" if running is None else "open"
    return found or [good(f"{len(listened(settings))} ports are {state}")]


async def look_at_own_address(examination: Examination) -> Iterable[Finding]:
    """Look for this server where others look for it."""
    conf = await examination.configuration.known()
    own = examination.settings.server_id
    if conf is None:
        return [skipped("there is no global configuration")]
    if not conf.server_exists(own):
        known = ", ".join(s.short for s in conf.security_servers(conf.instance)[:3])
        said = f"It is not registered in instance {conf.instance}, which has {known}."
        return [UNREGISTERED.at(f"server {own.short}", said)]
    address = conf.server_address(own)
    if not address:
        return [UNREACHED.at(f"server {own.short}", "No address is registered.")]
    if await examination.running.get() is None:
        return await in_daemon(_resolves, address)
    return await _found_there(examination, address)


def listened(settings: Settings) -> list[tuple[str, str]]:
    """Return the ports that are switched on, by name of the setting."""
    chosen = [
        (o.name, str(getattr(settings.listen, o.name))) for o in options_of(Listen)
    ]
    return [(name, address) for name, address in chosen if address]


def _free(
    name: str, host: str, port: int, taken: dict[str, list[str]]
) -> list[Finding]:
    """Try to have the address, without listening: it harms no server that starts.

    One that is in use is noted in ``taken``, by who has it.
    """
    subject = f"listen.{name} {host}:{port}"
    try:
        family, kind, _, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except OSError as error:
        return [ADDRESS.at(subject, f"{host} is not known: {error.strerror}.")]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                taken[listener_of(port)].append(subject)
                return []
            return [_not_free(subject, host, error)]
    return []


def _not_free(subject: str, host: str, error: OSError) -> Finding:
    if error.errno in (errno.EACCES, errno.EPERM):
        return FORBIDDEN.at(subject, f"{error.strerror}.")
    return ADDRESS.at(subject, f"This machine does not have {host}.")


def _taken(taken: dict[str, list[str]]) -> Iterator[Finding]:
    """Yield one finding for each program that is in the way."""
    for who, subjects in taken.items():
        by = f" by {who}" if who else ""
        said = f"In use{by}, and this server is not running."
        yield TAKEN.at(", ".join(subjects), said)


async def _answers(
    examination: Examination, name: str, host: str, port: int
) -> list[Finding]:
    """See that the running server answers; on the message port also as whom."""
    subject = f"listen.{name} {host}:{port}"
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    seconds = examination.limits.request_seconds
    try:
        if name != "peer":
            await require_connection(here, port, seconds)
            return []
        shown = await shown_certificates(here, port, seconds, stranger())
    except NotAnsweredError as error:
        return [SILENT.at(subject, f"It does not answer: {error}.")]
    except NoTlsError as error:
        said = f"What answers is not a security server: {error}."
        return [SILENT.at(subject, said)]
    token = await examination.token.known()
    return list(_shown(subject, [short_id(c) for c in shown[:1]], token))


def _shown(
    subject: str, shown: list[str], token: TokenSeen | None
) -> Iterator[Finding]:
    if token is None or token.authentication is None or not shown:
        return
    wanted = short_id(token.authentication.certificate)
    if shown[0] != wanted:
        said = f"It shows {shown[0]}; the token's certificate to use is {wanted}."
        yield OLD_CERTIFICATE.at(subject, said)


def _resolves(address: str) -> list[Finding]:
    try:
        socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except OSError as error:
        said = f"The name cannot be looked up: {error.strerror}."
        return [UNREACHED.at(address, said)]
    return [good(f"{address}; not tried, as the server is not running")]


async def _found_there(examination: Examination, address: str) -> list[Finding]:
    port = examination.settings.peers.port
    subject = f"{address}:{port}"
    seconds = examination.limits.request_seconds
    try:
        shown = await shown_certificates(address, port, seconds, stranger())
    except (NotAnsweredError, NoTlsError) as error:
        return [UNREACHED.at(subject, f"It does not answer: {error}.")]
    token = await examination.token.known()
    own = {c.certificate for c in token.certificates} if token else set()
    conf = await examination.configuration.known()
    if conf is not None and shown:  # or one that is in the token no more
        server = conf.server_of_auth_certificate(shown[0])
        own |= {shown[0]} if server == examination.settings.server_id else set()
    if shown and shown[0] not in own:
        said = f"Another server answers there, with certificate {short_id(shown[0])}."
        return [UNREACHED.at(subject, said)]
    return [good(f"this server answers at {subject}")]


CHECKS = (
    Check(
        "ports",
        look_at_ports,
        (ADDRESS, TAKEN, FORBIDDEN, SILENT, OLD_CERTIFICATE),
    ),
    Check("own address", look_at_own_address, (UNREGISTERED, UNREACHED)),
)
