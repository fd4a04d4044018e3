"""What a benchmark gives: rows of a table that later runs can be compared with."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    name: str
    """Dotted, stable: ``exchange.rest.rsa2048.p50_ms``."""
    value: float
    unit: str
    note: str = ""
    """What to know when reading it: sizes, clients, what was left out."""

    def as_dict(self) -> dict[str, object]:
        """Return the form of results.json."""
        return {**asdict(self), "value": round(self.value, 4)}
