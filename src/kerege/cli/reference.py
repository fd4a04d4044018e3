"""The reference of all commands, made from their own help texts."""

from collections.abc import Iterator

import click

from kerege.cli.fault_reference import fault_reference
from kerege.cli.metrics_reference import metrics_reference
from kerege.exchange.doctor.catalogue import reference as doctor_reference

WIDTH = 80

_INTRODUCTION = """\
# The command line

Every command explains itself with `--help`; this page is all of it, made by
`kerege reference`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | not done; standard error says what, why, and what to do |
| 2 | the command line is wrong |
| 0, 1, 2 | `kerege doctor`: everything is good, warnings, errors |
| 3, 4, 22 | only `kerege call`: an X-Road fault, no answer, an error status of the service |

Failures never print a traceback. One that nobody foresaw says so; the same with
`kerege --debug ...` shows where it is.

| variable | stands for |
|---|---|
| `KEREGE_CONFIG` | `--config` of `kerege security-server` |
| `KEREGE_SERVER`, `KEREGE_CLIENT` | `--server` and `--client` of `kerege call` |

A token's PIN comes from a file descriptor (`fd:3`), a systemd credential
(`credential:pin`) or the keyboard (`prompt`), never from an argument or a variable.
"""


@click.command(hidden=True)
@click.argument(
    "page",
    type=click.Choice(["commands", "doctor", "faults", "metrics"]),
    default="commands",
)
@click.pass_context
def reference(context: click.Context, page: str) -> None:
    """Print the reference of commands, findings, faults or metrics, in Markdown."""
    root = context.find_root().command
    made = {
        "commands": lambda: command_reference(root),
        "doctor": doctor_reference,
        "faults": fault_reference,
        "metrics": metrics_reference,
    }
    click.echo(made[page](), nl=False)


def command_reference(main: click.Command) -> str:
    """Return the help of a command and all below it, in Markdown."""
    sections = [
        f"\n## `{name}`\n\n```text\n{text}\n```\n" for name, text in _helps(main, None)
    ]
    return _INTRODUCTION + "".join(sections)


def _helps(
    command: click.Command, parent: click.Context | None
) -> Iterator[tuple[str, str]]:
    """Yield the full name and the help of a command and those below it."""
    name = command.name if parent else "kerege"
    context = click.Context(
        command,
        parent,
        info_name=name,
        terminal_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _helps(found, context)
