"""Kinds of cases and their deadlines; a system adds its own when it is loaded."""

from dataclasses import dataclass

PROCEDURES: "dict[str, Procedure]" = {}


@dataclass(frozen=True, slots=True)
class Procedure:
    """How long an office has, and how long a person may appeal."""

    name: str
    working_days: int
    appeal_working_days: int
    """For the decision on an appeal."""
    appeal_within_days: int
    """Calendar days after the confirmed decision."""
    source: str
    """The law that says so."""


def add_procedure(procedure: Procedure) -> None:
    """Add a kind of cases.

    Raises:
        ValueError: Another one has that name.
    """
    if PROCEDURES.setdefault(procedure.name, procedure) != procedure:
        message = f"Two procedures are called {procedure.name}"
        raise ValueError(message)
