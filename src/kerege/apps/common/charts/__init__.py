"""Drawings of numbers as SVG, without JavaScript; beside each stand its numbers."""

from kerege.apps.common.charts.bars import Bars
from kerege.apps.common.charts.lines import Lines
from kerege.apps.common.charts.pyramid import Pyramid
from kerege.apps.common.charts.values import Chart, Series

__all__ = ["Bars", "Chart", "Lines", "Pyramid", "Series"]
