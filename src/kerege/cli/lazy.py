"""Groups of commands whose modules are imported when a command is used."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import click


class Command(NamedTuple):
    """Where a command is, and what it does, for the list of commands."""

    location: str
    """``module:name``."""
    summary: str
    """Empty: it is not in the list."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports them on demand."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - click's own arguments
        commands_at: Mapping[str, Command],
        **kwargs: Any,  # noqa: ANN401 - click's own arguments
    ) -> None:
        """Make a group; everything but ``commands_at`` is click's."""
        super().__init__(*args, **kwargs)
        self._commands_at = {
            name: command
            for name, command in commands_at.items()
            if find_spec(command.location.partition(":")[0])
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order in which they were given."""
        del ctx
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return the command."""
        del ctx
        if cmd_name not in self._commands_at:
            return None
        module, _, name = self._commands_at[cmd_name].location.partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            msg = f"{module}:{name} is not a command"
            raise TypeError(msg)
        return _with_examples(command)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands without importing them."""
        del ctx
        rows = [
            (name, command.summary)
            for name, command in self._commands_at.items()
            if command.summary
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _with_examples(command: click.Command) -> click.Command:
    r"""Let click see the ``\b`` of raw docstrings: it keeps the lines that follow."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _with_examples(inner)
    return command
