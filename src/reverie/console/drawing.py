"""A chart of the reports in a page: drawn for two widths, of which the style sheet shows the fitting one."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reverie.reports.charts import NARROW, WIDE, ForestRow, effects_chart


@dataclass(frozen=True, slots=True)
class Drawing:
    """The same chart twice, as SVG whose texts are escaped."""

    wide: Markup
    narrow: Markup

    @classmethod
    def of_effects(cls, rows: Sequence[ForestRow], name: str, title: str, unit: str = "reward") -> "Drawing":
        """A forest: a line for each row, with its interval."""
        wide, narrow = (effects_chart(rows, width, name, title, unit) for width in (WIDE, NARROW))
        return cls(wide, narrow)
