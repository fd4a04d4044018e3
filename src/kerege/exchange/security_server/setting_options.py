"""Options of the settings file: how they are declared, read and checked.

Each says what it does and which parameter of the reference it corresponds to.
"""

import math
from dataclasses import Field, field, fields, is_dataclass
from typing import Any, TypeVar


class SettingsError(Exception):
    """The settings file cannot be used; the message names the option and the mend."""


T = TypeVar("T")


def option(
    default: T,
    doc: str,
    *,
    reference: str = "",
    required: bool = False,
    least: float = 0,
    choices: tuple[str, ...] = (),
) -> T:
    """Declare a setting: its default, what it does, the reference's name for it."""
    metadata = {
        "doc": doc,
        "reference": reference,
        "required": required,
        "least": least,
        "choices": choices,
    }
    return field(default=default, metadata=metadata)


def options_of(section: type[Any]) -> list[Field[Any]]:
    """Return the fields of a settings class that are options or sections."""
    return [f for f in fields(section) if f.metadata or is_dataclass(f.type)]


def section_values(
    section: type[Any], table: dict[str, Any], *, where: str
) -> dict[str, Any]:
    """Return the values of a section's options. Raises `SettingsError`."""
    known = {f.name: f for f in options_of(section)}
    for name in table:
        if name not in known:
            msg = f"{where}: unknown setting {name!r}; known are {', '.join(known)}"
            raise SettingsError(msg)
    values: dict[str, Any] = {}
    for name, option_field in known.items():
        if name in table:
            values[name] = _value(option_field, table[name], f"{where}: {name}")
        elif option_field.metadata.get("required"):
            msg = (
                f"{where}: setting {name!r} is missing: {option_field.metadata['doc']}"
            )
            raise SettingsError(msg)
    return values


def _value(option_field: Field[Any], value: object, where: str) -> object:
    kind = option_field.type
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            msg = f"{where} is a section, write it as [{option_field.name}]"
            raise SettingsError(msg)
        return kind(**section_values(kind, value, where=where))
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(kind, type) or type(value) is not kind:
        msg = f"{where} must be of type {getattr(kind, '__name__', kind)}"
        raise SettingsError(msg)
    if isinstance(value, int | float):
        _require_size(value, option_field.metadata["least"], where)
    choices = option_field.metadata["choices"]
    if choices and value not in choices:
        msg = f"{where} is one of: {', '.join(choices)}"
        raise SettingsError(msg)
    return value


def _require_size(value: float, least: float, where: str) -> None:
    if value < 0:
        msg = f"{where} must not be negative"
        raise SettingsError(msg)
    if not least <= value < math.inf:  # nor is nan
        msg = f"{where} must be a number of at least {least:g}"
        raise SettingsError(msg)
