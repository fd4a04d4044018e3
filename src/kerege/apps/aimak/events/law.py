"""What the law says of events, by day: ``law.toml``."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class MarriageAge:
    """From which age one may marry."""

    since: date
    from_age: int
    with_permission: int
    source: str


@cache
def _marriage_ages() -> tuple[MarriageAge, ...]:
    text = (files(__package__) / "law.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["marriage_age"]
    return tuple(
        sorted((MarriageAge(**row) for row in rows), key=lambda one: one.since)
    )


def marriage_age(on: date) -> MarriageAge:
    """Return the rule of a day; of a day before all rules, the first."""
    rules = _marriage_ages()
    return next((one for one in reversed(rules) if one.since <= on), rules[0])
