"""The outside of the command: help, lists, failures that explain themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import click
import pytest

import kerege.cli
from kerege.cli import COMMANDS
from kerege.cli.failures import Failure, GuardedGroup
from kerege.cli.lazy import Command
from kerege.cli.output import print_table
from kerege.cli.security_server import COMMANDS as SERVER_COMMANDS
from kerege.exchange.security_server.settings import SettingsError
from kerege.xroad.faults import XRoadError


def commands(group: click.Group, *path: str):
    context = click.Context(group, help_option_names=["-h", "--help"])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


ALL = dict(commands(kerege.cli.main))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_says_what_it_does(kerege, path):
    shown = kerege(*path, "--help")
    assert shown.exit_code == 0
    assert "\\b" not in shown.output
    assert ALL[path].help


def test_the_list_of_commands_says_what_each_does(kerege):
    shown = kerege("--help").output
    for name, command in COMMANDS.items():
        if (name,) in ALL and not ALL[name,].hidden:
            assert name in shown
            assert command.summary.split()[0] in shown


@pytest.mark.parametrize("table", [COMMANDS, SERVER_COMMANDS])
def test_the_summaries_are_short(table):
    assert all(len(command.summary) <= 60 for command in table.values())


def test_help_loads_no_server():
    code = (
        "import sys; from kerege.cli import main\n"
        "try: main(['security-server', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'aiohttp', 'lxml', 'uvloop'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_unknown_command_is_a_usage_error(kerege):
    assert kerege("nonsense").exit_code == 2


def failing(error: Exception) -> click.Group:
    group = GuardedGroup("kerege", commands_at={})
    group.params.append(click.Option(["--debug"], is_flag=True))

    @group.command()
    def fail() -> None:
        raise error

    # LazyGroup knows its commands by name only; give it one outright.
    group.get_command = lambda _context, _name: fail  # type: ignore[method-assign] # a test's shortcut
    return group


def test_a_bug_is_called_a_bug_and_shows_no_data():
    runner = click.testing.CliRunner()
    result = runner.invoke(failing(KeyError("12345678901234")), ["fail"])
    assert result.exit_code == 1
    assert "This is a bug in Kerege: KeyError" in result.output
    assert "--debug" in result.output
    assert "12345678901234" not in result.output
    assert "Traceback" not in result.output


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b1A\u202etext"
PLAIN = "\ufffd]0;owned\ufffd\ufffd[2J\ufffd1A\ufffdtext"


def test_what_strangers_write_into_a_failure_does_not_reach_the_terminal():
    error = XRoadError("x", f"They say {EVIL}", advice=f"Line one\nline two {EVIL}")
    result = click.testing.CliRunner().invoke(failing(error), ["fail"])
    assert f"Error: They say {PLAIN}\n" in result.output
    assert f"  Line one\nline two {PLAIN}\n" in result.output


def test_what_strangers_write_into_a_table_does_not_reach_the_terminal(capsys):
    print_table(("NAME",), [(EVIL,)], nothing="")
    assert capsys.readouterr().out == f"NAME\n{PLAIN}\n"


def test_debug_shows_where_a_bug_is():
    runner = click.testing.CliRunner()
    result = runner.invoke(failing(KeyError("x")), ["--debug", "fail"])
    assert isinstance(result.exception, KeyError)


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (
            XRoadError("unknown_member", "Nobody", advice="Add it."),
            ["Error: Nobody", "X-Road code: unknown_member", "Add it."],
        ),
        (OSError(2, "No such file", "x.xml"), ["Error: x.xml: No such file"]),
        (OSError("odd"), ["Error: odd"]),
        (
            SettingsError("'x' is not of the form host:port"),
            [
                "Error: 'x' is not of the form host:port",
                "All settings: kerege security-server settings reference",
            ],
        ),
        (Failure("A", why="B", advice="C"), ["Error: A", "B", "C"]),
    ],
)
def test_a_failure_is_one_to_three_lines(error, lines):
    runner = click.testing.CliRunner()
    result = runner.invoke(failing(error), ["fail"])
    assert result.exit_code == 1
    assert [line.strip() for line in result.output.splitlines()] == lines


def test_a_name_that_is_no_command_is_our_mistake():
    group = GuardedGroup("g", commands_at={"x": Command("kerege.cli.lazy:Command", "")})
    with pytest.raises(TypeError, match="is not a command"):
        group.get_command(click.Context(group), "x")


def test_a_command_whose_module_is_missing_is_left_out():
    group = GuardedGroup("g", commands_at={"x": Command("kerege.cli.nothing:x", "")})
    assert group.list_commands(click.Context(group)) == []
    assert group.get_command(click.Context(group), "x") is None


def test_no_command_prints_with_print():
    folder = Path(kerege.cli.__file__).parent
    for file in folder.rglob("*.py"):
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "print" not in calls, file
