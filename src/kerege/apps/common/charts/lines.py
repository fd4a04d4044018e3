"""Lines over time: arrivals and departures by year."""

from kerege.apps.common.charts.drawing import figure, line, text
from kerege.apps.common.charts.values import WIDTH, Chart, number, scale

LEFT = 72
TOP = 10
BOTTOM = 28
HEIGHT = 280
WIDEST = 12
"""Labels of the axis that have room; of more, every second, third and so on."""


class Lines(Chart):
    """For each series a line over the labels."""

    kind = "lines"

    @property
    def height(self) -> int:
        """Units of the drawing's height."""
        return HEIGHT

    def svg(self) -> str:
        """Return the drawing's elements."""
        ticks = scale(self.largest)
        bottom = HEIGHT - BOTTOM
        unit = (bottom - TOP) / ticks[-1]
        parts = []
        for tick in ticks:
            y = bottom - tick * unit
            parts.append(line(LEFT, y, WIDTH, y, "grid" if tick else "axis"))
            parts.append(text(LEFT - 8, y + 5, figure(tick), "end"))
        step = (WIDTH - LEFT - 40) / max(len(self.labels) - 1, 1)
        places = [LEFT + 20 + step * i for i in range(len(self.labels))]
        every = -(-len(self.labels) // WIDEST) or 1
        for x, label in list(zip(places, self.labels, strict=True))[::every]:
            parts.append(text(x, bottom + 20, label, "middle"))
        for index, one in enumerate(self.series):
            points = "L".join(
                f"{number(x)} {number(bottom - value * unit)}"
                for x, value in zip(places, one.values, strict=True)
            )
            if points:
                parts.append(f'<path class="line series-{index + 1}" d="M{points}"/>')
        return "".join(parts)
