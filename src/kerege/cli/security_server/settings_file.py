"""The settings as text: a commented file for a new server, and the reference table.

Both are made from the settings themselves, so they cannot be out of date.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import Field, is_dataclass
from textwrap import wrap
from typing import Any, NamedTuple

from kerege.exchange.security_server.settings import Settings, options_of

COMMENT_COLUMNS = 78

_INTRODUCTION = """\
# Settings of a Security Server

One TOML file, `server.toml`, read at start and with `kerege security-server reload`. `kerege security-server init` writes
it with every option explained; `kerege security-server settings show` prints what a
server uses.

Relative paths start at the file's folder. An unknown option is an error, so that a
misspelt one is found. *Reference* is the corresponding system parameter of X-Road.

This page is made by `kerege security-server settings reference`."""


class Section(NamedTuple):
    """A section of the settings file and its options."""

    name: str
    """Empty for the options before the first section."""
    doc: str
    options: tuple[Field[Any], ...]


def sections() -> Iterator[Section]:
    """Yield all sections, in the order of the file."""
    nested: list[Field[Any]] = []
    plain: list[Field[Any]] = []
    for option in options_of(Settings):
        (nested if is_dataclass(option.type) else plain).append(option)
    yield Section("", _first_line(Settings), tuple(plain))
    for option in nested:
        if isinstance(option.type, type):
            doc = _first_line(option.type)
            yield Section(option.name, doc, tuple(options_of(option.type)))


def settings_file(chosen: Mapping[str, str]) -> str:
    """Return a settings file in which everything is explained.

    Args:
        chosen: Values of options before the first section; all other options stand
            there as comments, with their defaults.
    """
    lines = ["# Settings of a Kerege Security Server, read at start and with `reload`."]
    lines += ["# Options that stand behind a # have the value that is shown."]
    for section in sections():
        if section.name:
            lines += ["", "", *_comment(section.doc), f"[{section.name}]"]
        for option in section.options:
            lines += ["", *_comment(option.metadata["doc"])]
            value = chosen.get(option.name) if not section.name else None
            mark = "#" if value is None else ""
            shown = option.default if value is None else value
            lines.append(f"{mark}{option.name} = {toml_value(shown)}")
    return "\n".join(lines) + "\n"


def reference() -> str:
    """Return the reference of all settings, in Markdown."""
    lines = [_INTRODUCTION]
    for section in sections():
        title = f"`[{section.name}]`" if section.name else "Before the first section"
        lines += ["", f"## {title}", "", section.doc, ""]
        lines += [
            "| option | default | what it does | reference |",
            "|---|---|---|---|",
        ]
        lines += [_row(option) for option in section.options]
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """Return a text, a number or a Boolean as TOML."""
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _row(option: Field[Any]) -> str:
    required = option.metadata["required"]
    default = "required" if required else f"`{toml_value(option.default)}`"
    name = option.metadata["reference"]
    cells = (
        f"`{option.name}`",
        default,
        option.metadata["doc"],
        f"`{name}`" if name else "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, COMMENT_COLUMNS)]


def _first_line(section: type[Any]) -> str:
    return (section.__doc__ or "").strip().partition("\n")[0]
