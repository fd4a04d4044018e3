"""A population pyramid: ages upwards, one sex on each side."""

from kerege.apps.common.charts.drawing import figure, line, rectangle, text
from kerege.apps.common.charts.values import WIDTH, Chart, ChartError, scale

MIDDLE = 64
"""Room for the ages, between the sides."""
BAR = 16
BOTTOM = 24


class Pyramid(Chart):
    """Two series over age groups, the youngest first."""

    kind = "pyramid"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.series) != 2:
            message = f"A pyramid has two sides, not {len(self.series)}"
            raise ChartError(message)

    @property
    def height(self) -> int:
        """Units of the drawing's height."""
        return BAR * len(self.labels) + BOTTOM

    def svg(self) -> str:
        """Return the drawing's elements."""
        ticks = scale(self.largest, 3)
        side = (WIDTH - MIDDLE) / 2
        unit = (side - 24) / ticks[-1]
        bottom = self.height - BOTTOM
        left, right = side, side + MIDDLE
        parts = []
        for tick in ticks:
            kind = "grid" if tick else "axis"
            for x in (left - tick * unit, right + tick * unit):
                parts.append(line(x, 0, x, bottom, kind))
                parts.append(text(x, bottom + 18, figure(tick), "middle"))
        for index, (label, (first, second)) in enumerate(self.rows()):
            y = bottom - BAR * (index + 1)
            parts.append(text(WIDTH / 2, y + 12, label, "middle"))
            names = [f"{s.name}, {label}: " for s in self.series]
            parts.append(
                rectangle(
                    left - first * unit,
                    y,
                    first * unit,
                    BAR - 2,
                    series=1,
                    title=names[0] + figure(first),
                )
            )
            parts.append(
                rectangle(
                    right,
                    y,
                    second * unit,
                    BAR - 2,
                    series=2,
                    title=names[1] + figure(second),
                )
            )
        return "".join(parts)
