"""`kerege security-server`: set up and run a Security Server."""

import click

from kerege.cli.lazy import Command, LazyGroup

_HERE = "kerege.cli.security_server"

COMMANDS = {
    "init": Command(f"{_HERE}.init:init", "Make a new server's folder."),
    "run": Command(f"{_HERE}.run:run", "Run a server until it is told to stop."),
    "login": Command(f"{_HERE}.login:login", "Give a running server the PIN."),
    "logout": Command(f"{_HERE}.login:logout", "Have a server forget its keys."),
    "reload": Command(f"{_HERE}.reload:reload", "Read settings and keys again."),
    "state": Command(f"{_HERE}.state:state", "How a running server stands."),
    "maintenance": Command(
        f"{_HERE}.maintenance:maintenance", "Have load balancers leave a server alone."
    ),
    "keys": Command(f"{_HERE}.keys:keys", "Keys and certificates of the token."),
    "client": Command(
        f"{_HERE}.clients:client", "Members and subsystems that are served."
    ),
    "service": Command(f"{_HERE}.services:service", "Services that clients provide."),
    "access": Command(f"{_HERE}.access:access", "Who may call which service."),
    "limits": Command(f"{_HERE}.limits:limits", "How much a client may ask."),
    "group": Command(f"{_HERE}.groups:group", "Local groups of clients."),
    "timestamping": Command(
        f"{_HERE}.timestamping:timestamping", "Time-stamping services that are used."
    ),
    "settings": Command(f"{_HERE}.settings:settings", "The settings file."),
    "move-database": Command(
        f"{_HERE}.move_database:move_database", "Copy all into another database."
    ),
    "message-log": Command(
        f"{_HERE}.message_log:message_log", "The message log: keys, lost bodies."
    ),
    "archive": Command(f"{_HERE}.archive:archive", "The message log's archives."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def security_server() -> None:
    r"""Set up and run a Security Server.

    \b
    A new server, from nothing to the first message:
      kerege security-server init /srv/ss1 \
          --identifier central-server/GOV/70000001/SS1 --anchor anchor.xml
      cd /srv/ss1
      kerege configuration download --anchor configuration-anchor.xml --to globalconf
      kerege security-server keys generate authentication
      kerege security-server keys generate signing
      kerege security-server keys request ...       once for each key, then import
      kerege security-server timestamping list      then add one
      kerege security-server client add ...         each subsystem
      kerege security-server run

    The other commands work on the settings file `server.toml` in this folder, or on
    the one that --config or the variable KEREGE_CONFIG names. A running server
    notices changes of clients, services and rights within three seconds; settings, keys
    and certificates after `reload`.
    """
