"""Bars from left to right: kinds of livestock, villages, years."""

from kerege.apps.common.charts.drawing import figure, line, rectangle, text
from kerege.apps.common.charts.values import WIDTH, Chart, scale

LEFT = 170
"""Room for the labels."""
BAR = 18
GAP = 12
BOTTOM = 24
LONGEST_LABEL = 24
"""Characters that fit; the table beside has the whole."""


class Bars(Chart):
    """For each label one bar of each series."""

    kind = "bars"

    @property
    def height(self) -> int:
        """Units of the drawing's height."""
        group = BAR * len(self.series) + GAP
        return group * len(self.labels) + BOTTOM

    def svg(self) -> str:
        """Return the drawing's elements."""
        ticks = scale(self.largest)
        unit = (WIDTH - LEFT - 30) / ticks[-1]
        bottom = self.height - BOTTOM
        parts = []
        for tick in ticks:
            x = LEFT + tick * unit
            parts.append(line(x, 0, x, bottom, "grid" if tick else "axis"))
            parts.append(text(x, bottom + 18, figure(tick), "middle"))
        y = GAP / 2
        for label, values in self.rows():
            middle = y + BAR * len(values) / 2 + 5
            parts.append(text(LEFT - 8, middle, shortened(label), "end"))
            for index, value in enumerate(values):
                title = f"{label}, {self.series[index].name}: {figure(value)}"
                parts.append(
                    rectangle(
                        LEFT, y, value * unit, BAR - 2, series=index + 1, title=title
                    )
                )
                y += BAR
            y += GAP
        return "".join(parts)


def shortened(label: str) -> str:
    """Cut a label that has no room."""
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
