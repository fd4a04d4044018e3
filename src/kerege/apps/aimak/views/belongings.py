"""What a household has, as tables: dwellings, land, livestock, machinery."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from kerege.apps.aimak.reads.values import HouseholdCard
from kerege.apps.aimak.views.showing import NOTHING, code, number

Column = str | dict[str, object]


@dataclass(frozen=True, slots=True)
class Part:
    """One table of the card."""

    slug: str
    """Of the address where its lines are written: ``land``."""
    caption: str
    columns: list[Column]
    rows: list[list[object]]
    lines: list[str]
    """For each row, what names it in an address."""

    def edits(self) -> list[tuple[str, str]]:
        """Return for each row what names it in an address, and in words."""
        return [
            (line, " ".join(str(cell) for cell in row[:2] if cell != NOTHING))
            for line, row in zip(self.lines, self.rows, strict=True)
        ]


def belongings(card: HouseholdCard) -> list[Part]:
    """Return all tables, empty ones too: they can be filled."""
    return [_dwellings(card), _land(card), _livestock(card), _machinery(card)]


def _numeric(text: str) -> Column:
    return {"text": text, "numeric": True}


def _dwellings(card: HouseholdCard) -> Part:
    return Part(
        "dwelling",
        _("Dwelling"),
        [
            _("Kind"),
            _("Walls"),
            _("Ownership"),
            _numeric(_("Built in")),
            _numeric(_("Rooms")),
            _numeric(_("Area, m²")),
            _("Heating"),
            _("Water"),
        ],
        [
            [
                code("dwelling_kinds", one.kind),
                code("wall_materials", one.wall_material),
                code("ownership", one.ownership),
                number(one.year_built),
                number(one.rooms),
                number(one.area_m2),
                code("heating", one.heating),
                code("water", one.water),
            ]
            for one in card.dwellings
        ],
        [str(one.line) for one in card.dwellings],
    )


def _land(card: HouseholdCard) -> Part:
    irrigated = {True: _("yes"), False: _("no"), None: NOTHING}
    return Part(
        "land",
        _("Land"),
        [
            _("Kind"),
            _("Ownership"),
            _numeric(_("Area, m²")),
            _("Irrigated"),
            _("Cadastre code"),
        ],
        [
            [
                code("land_kinds", one.kind),
                code("ownership", one.ownership),
                number(one.area_m2),
                irrigated[one.irrigated],
                one.cadastre_code or NOTHING,
            ]
            for one in card.land
        ],
        [str(one.line) for one in card.land],
    )


def _livestock(card: HouseholdCard) -> Part:
    sexes = {"female": _("female"), "male": _("male")}
    return Part(
        "livestock",
        _("Livestock"),
        [_("Kind"), _("Sex"), _("Age"), _numeric(_("Heads"))],
        [
            [
                code("species", str(one.species)),
                sexes.get(one.sex, NOTHING),
                code("age_groups", one.age_group),
                number(one.count),
            ]
            for one in card.livestock
        ],
        [f"{one.species}-{one.sex}-{one.age_group}" for one in card.livestock],
    )


def _machinery(card: HouseholdCard) -> Part:
    return Part(
        "machinery",
        _("Machinery"),
        [_("Kind"), _("Make"), _numeric(_("Built in")), _numeric(_("How many"))],
        [
            [
                code("machinery_kinds", one.kind),
                one.make or NOTHING,
                number(one.year_built),
                number(one.count),
            ]
            for one in card.machinery
        ],
        [str(one.line) for one in card.machinery],
    )
