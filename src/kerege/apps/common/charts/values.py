"""What is drawn: series of numbers over labels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

MAX_SERIES = 4
"""More are not told apart, by colour or by pattern."""
MAX_LABELS = 150
"""More bars or points than that are no picture on a screen of 640 pixels."""
WIDTH = 640
"""Units of the drawing's width; the page scales it."""


SMALLEST = 1e-6
"""A number below is drawn as nothing: dividing by it would leave all bounds."""


class ChartError(ValueError):
    """These numbers cannot be drawn; the text says why."""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind, one for each label."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Chart:
    """A picture and the table of its numbers.

    Raises:
        ChartError: There are too many series or labels, a series has not a value for
            each label, or a value is negative or no number.
    """

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    label_name: str = ""
    """What the labels are, as the head of the table's first column."""

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.series) <= MAX_SERIES:
            message = f"{len(self.series)} series; between 1 and {MAX_SERIES} are drawn"
            raise ChartError(message)
        if len(self.labels) > MAX_LABELS:
            message = f"{len(self.labels)} labels; {MAX_LABELS} at most are drawn"
            raise ChartError(message)
        for one in self.series:
            if len(one.values) != len(self.labels):
                message = (
                    f"{one.name}: {len(one.values)} values, {len(self.labels)} labels"
                )
                raise ChartError(message)
            if not all(math.isfinite(v) and v >= 0 for v in one.values):
                message = f"{one.name}: only finite numbers from 0 upwards are drawn"
                raise ChartError(message)

    @property
    def largest(self) -> float:
        """The largest value; 0 if there is none."""
        return max((max(s.values, default=0) for s in self.series), default=0)

    def rows(self) -> Iterator[tuple[str, list[float]]]:
        """Yield each label with its values, for the table."""
        for index, label in enumerate(self.labels):
            yield label, [one.values[index] for one in self.series]

    def svg(self) -> str:
        """Return the drawing's elements, to stand inside ``<svg>``."""
        raise NotImplementedError

    @property
    def height(self) -> int:
        """Units of the drawing's height."""
        raise NotImplementedError


def scale(largest: float, steps: int = 4) -> list[float]:
    """Return round numbers from 0 to at least the largest: 0, 50, 100, 150."""
    if largest < SMALLEST:
        return [0, 1]
    raw = largest / steps
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * f for f in (1, 2, 2.5, 5, 10) if unit * f >= raw * 0.999)
    step = max(step, 1) if largest >= 1 else step
    return [step * i for i in range(math.ceil(largest / step - 1e-9) + 1)]


def number(value: float) -> str:
    """Write a coordinate briefly."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
