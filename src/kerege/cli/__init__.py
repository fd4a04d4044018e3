"""The `kerege` command: parses, calls, prints.

One file for each group. A command's module is imported when the command is used, so
that `kerege call` does not load a database and `kerege --help` loads nothing.
"""

import sys

import click

from kerege import __version__
from kerege.cli.failures import GuardedGroup
from kerege.cli.lazy import Command
from kerege.cli.logs import LogFormat, LogLevel, configure_logs

COMMANDS = {
    "aimak": Command("kerege.cli.aimak:aimak", "Work with the village register."),
    "audit": Command(
        "kerege.cli.audit:audit", "Prove that nobody has changed the audit log."
    ),
    "call": Command("kerege.cli.call:call", "Call a service, as curl would."),
    "configuration": Command(
        "kerege.cli.configuration:configuration",
        "Download, verify and show a global configuration.",
    ),
    "demo": Command(
        "kerege.cli.demo:demo", "Run a whole X-Road instance on this machine."
    ),
    "doctor": Command(
        "kerege.cli.doctor:doctor", "Find out what is wrong with a Security Server."
    ),
    "monitor": Command(
        "kerege.cli.monitor:monitor",
        "Watch rates, errors and durations of running servers.",
    ),
    "portal": Command("kerege.cli.portal:portal", "Set up and run the portal's site."),
    "reference": Command("kerege.cli.reference:reference", ""),
    "sandbox": Command(
        "kerege.cli.sandbox:sandbox", "Be CA and operator of a demo: join it."
    ),
    "security-server": Command(
        "kerege.cli.security_server:security_server",
        "Set up and run a Security Server.",
    ),
    "verify": Command("kerege.cli.verify:verify", "Verify signed containers (.asice)."),
    "watch": Command(
        "kerege.cli.watch:watch", "Watch what passes a running server, from its log."
    ),
}


@click.group(
    cls=GuardedGroup,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
@click.version_option(__version__)
def main(*, debug: bool) -> None:
    """Run, call and verify an X-Road 7-compatible data exchange.

    Every command says more with --help. Exit codes: 0 done, 1 not done, 2 the command
    line is wrong; `kerege call` has more.
    """
    del debug  # read by GuardedGroup
    configure_logs(LogFormat.TEXT, LogLevel.WARNING, sys.stderr)
