"""The documents about the command line and the client are true."""

import ast
import pkgutil
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from kerege.cli import main
from kerege.cli.fault_reference import fault_reference
from kerege.cli.metrics_reference import metrics_reference
from kerege.cli.reference import command_reference
from kerege.exchange import doctor
from kerege.exchange.client.advice import ADVICE
from kerege.exchange.doctor.catalogue import all_codes
from kerege.exchange.doctor.findings import Code
from kerege.exchange.security_server.metrics_catalogue import METRICS as CATALOGUE, Kind
from tests.exchange.client.certificates import self_signed
from tests.exchange.client.servers import FakeSecurityServer, running_in_thread

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (
    *sorted((DOCS / "how-to").glob("*.md")),
    *sorted((DOCS / "tutorials").glob("*.md")),
    ROOT / "README.md",
)
EVENTS = DOCS / "reference/log-events.md"
DOCTOR = DOCS / "reference/doctor.md"
FAULTS = DOCS / "reference/faults.md"
METRICS = DOCS / "reference/metrics.md"
REFERENCE = DOCS / "reference/command-line.md"
CALLING = DOCS / "how-to/call-a-service.md"


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def command_lines(text: str) -> list[str]:
    """The lines that call `kerege`, with those that they go on in."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    found = re.findall(r"^\s*\$?\s*((?:\S*/)?kerege [a-z].*)$", joined, re.MULTILINE)
    return [line.split("  ")[0] for line in found if "..." not in line]


def parse(line: str) -> None:
    """Parse a command line without doing anything. Raises `click.UsageError`."""
    _, *words = shlex.split(line, comments=True)
    words = words[
        : next((i for i, w in enumerate(words) if w[:2] in ("3<", "|")), None)
    ]
    command: click.Command = main
    context = click.Context(main, info_name="kerege", **main.context_settings)
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"{line}: there is no command {name}"
        context = click.Context(found, context, info_name=name)
        command = found
    _, rest, _ = command.make_parser(context).parse_args(args=list(words))
    assert not rest, f"{line}: {rest} is too much"


def documented() -> Iterator[str]:
    for page in PAGES:
        for block in blocks(page, "console"):
            yield from command_lines(block)


@pytest.mark.parametrize("line", sorted(set(documented())))
def test_a_command_in_a_document_can_be_given(line):
    parse(line)


def examples() -> Iterator[str]:
    text = REFERENCE.read_text(encoding="utf-8")
    for block in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
        yield from command_lines(block.partition("Options:")[0])


@pytest.mark.parametrize("line", sorted(set(examples())))
def test_an_example_of_a_help_text_can_be_given(line):
    parse(line)


def test_the_check_of_examples_finds_a_wrong_one():
    with pytest.raises(click.UsageError):
        parse("kerege call a/b/c/d/e --nonsense")
    with pytest.raises(AssertionError):
        parse("kerege nonsense")


def test_the_reference_of_commands_is_up_to_date(kerege):
    assert REFERENCE.read_text(encoding="utf-8") == command_reference(main), (
        "make it anew: kerege reference > docs/reference/command-line.md"
    )
    assert kerege("reference").output == command_reference(main)


def test_the_reference_of_faults_is_up_to_date(kerege):
    assert FAULTS.read_text(encoding="utf-8") == fault_reference(), (
        "make it anew: kerege reference faults > docs/reference/faults.md"
    )
    assert kerege("reference", "faults").output == fault_reference()


def test_the_reference_of_metrics_is_up_to_date(kerege):
    assert METRICS.read_text(encoding="utf-8") == metrics_reference(), (
        "make it anew: kerege reference metrics > docs/reference/metrics.md"
    )
    assert kerege("reference", "metrics").output == metrics_reference()


def test_every_metric_of_the_guide_s_alert_rules_exists():
    text = (DOCS / "how-to/watch-with-prometheus.md").read_text(encoding="utf-8")
    named = set(re.findall(r"kerege_[a-z_]+", text))
    known = {
        name + suffix
        for name, metric in CATALOGUE.items()
        for suffix in (
            ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        )
    }
    assert named
    assert named <= known


def test_the_reference_of_the_doctor_is_up_to_date(kerege):
    made = kerege("reference", "doctor").output
    assert DOCTOR.read_text(encoding="utf-8") == made, (
        "make it anew: kerege reference doctor > docs/reference/doctor.md"
    )


def test_every_code_of_the_doctor_is_documented_once():
    codes = [code.name for code in all_codes()]
    assert len(codes) == len(set(codes))
    declared = {
        found.name
        for module in pkgutil.iter_modules(doctor.__path__)
        for found in vars(import_module(f"{doctor.__name__}.{module.name}")).values()
        if isinstance(found, Code)
    }
    assert declared == set(codes), "list it in the check that finds it"


ROOMS = ("apps", "cli", "exchange", "portal")
"""Whose modules log what operators read."""


def logged_events() -> set[str]:
    """What the servers' modules log under a fixed name, without debugging."""
    found = set()
    for file in (ROOT / "src/kerege").rglob("*.py"):
        if file.relative_to(ROOT / "src/kerege").parts[0] not in ROOMS:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    ast.Attribute(
                        ast.Name("_log") | ast.Attribute(_, "events" | "_events"), level
                    ),
                    [ast.Constant(str(name)), *_],
                ) if level != "debug":
                    found.add(name)
    return found


def test_every_event_of_the_log_is_explained():
    page = EVENTS.read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    explained = {name for cell in rows for name in re.findall(r"`([^`]+)`", cell)}
    assert explained == logged_events(), f"explain it in {EVENTS}"


def test_every_advice_is_in_the_reference_of_faults():
    page = FAULTS.read_text(encoding="utf-8")
    for code, advice in ADVICE.items():
        assert f"| `{code}` |" in page
        assert advice in page


@pytest.fixture
def fake() -> Iterator[FakeSecurityServer]:
    with running_in_thread() as server:
        yield server


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(text, id=f"program-{number}")
        for number, text in enumerate(blocks(CALLING, "python"), 1)
    ],
)
def test_a_program_in_the_document_runs(program, fake, tmp_path, monkeypatch, capsys):
    for name in ("internal", "portal"):
        self_signed(tmp_path, name)
    (tmp_path / "scans.zip").write_bytes(b"PK")
    monkeypatch.chdir(tmp_path)
    text = program.replace("http://127.0.0.11:8080", fake.url)
    exec(compile(text, str(CALLING), "exec"), {"__name__": "__main__"})  # noqa: S102 - our own document
    assert "wrong" not in capsys.readouterr().out
    assert fake.received or "TLS" in program
