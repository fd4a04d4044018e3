"""The shapes of questions and answers, as the OpenAPI descriptions tell them.

Names and types of `AddressFact` and `Family` are those that public clients of the real
`sanaripaymak-service` read, odd ones too: ``liveInHouseholdFrom`` is a boolean.
"""

from datetime import date, datetime

from ninja import Field, Schema
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel


class Shape(Schema):
    """An object with names in camel case."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid"
    )


class Problem(Shape):
    """Why there is no answer."""

    code: str = Field(examples=["not_found"])
    message: str


class AddressFact(Shape):
    """Where somebody in fact lives. Texts are Russian, ids are SOATE codes."""

    pin: str
    live_in_household_from: bool
    """Whether the book says since when; the name promises a date and clients read this."""
    state: str
    state_id: str
    region: str
    region_id: str
    district: str
    district_id: str
    city: str
    """The village or town."""
    city_id: str
    street: str
    street_id: str
    house: str
    flat: str | None


class FamilyMember(Shape):
    """Somebody of the household. A protected person has neither name nor role."""

    name: str
    role: str


class Family(Shape):
    """The household's living members, the head first."""

    code: int
    """200, or 405: there is no family."""
    message: str
    members: list[FamilyMember]


class Animals(Shape):
    """Animals of one kind, sex and age."""

    species: int
    """As in the national livestock register: 1 cattle, 2 horse, 3 sheep or goat, 4 pig,
    5 poultry, 6 bees."""
    species_name: str
    sex: str
    age_group: str
    """Empty: not told apart."""
    count: int


class Livestock(Shape):
    """The animals of somebody's household."""

    pin: str
    household: str
    """The household's opaque id."""
    animals: list[Animals]


class Plot(Shape):
    """A plot of land."""

    kind: str
    kind_name: str
    ownership: str
    area_m2: str | None
    """A decimal number as text, so that nothing is rounded."""
    irrigated: bool | None
    cadastre_code: str


class Land(Shape):
    """The land of somebody's household."""

    pin: str
    household: str
    plots: list[Plot]


class Home(Shape):
    """A dwelling."""

    kind: str
    kind_name: str
    wall_material: str
    year_built: int | None
    rooms: int | None
    area_m2: str | None
    cadastre_code: str


class CardMember(Shape):
    """Somebody of a household, with what a card has of them."""

    pin: str
    name: str
    role: str
    sex: str
    birth_date: date | None
    is_head: bool
    is_away: bool
    """Temporarily absent on the day."""


class Place(Shape):
    """A household's address."""

    unit_code: str
    """SOATE code of the village or town."""
    text: str
    street: str
    house: str
    flat: str


class HouseholdCard(Shape):
    """A household on a day; without income, needs and other social facts."""

    household: str
    number: str
    """In the office's book."""
    on: date
    address: Place
    members: list[CardMember]
    dwellings: list[Home]
    plots: list[Plot]
    animals: list[Animals]


class ChangedOne(Shape):
    """A person or household that a change of the book has touched."""

    change: str
    """The change's id: one change may touch many."""
    recorded_at: datetime
    kind: str
    """event, change, correction, import, undo."""
    event: str
    happened_on: date | None
    pin: str | None
    """Of a person."""
    household: str | None
    """The opaque id of a household."""


class Changes(Shape):
    """One page, in the order in which the book was changed."""

    items: list[ChangedOne]
    next: str
    """Ask for what comes after with ``after=``; also on the last page, for next time."""
    more: bool
    """Whether there is more now."""
