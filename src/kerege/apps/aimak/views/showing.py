"""Codes, addresses, dates and ages in the words of the reader."""

from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext as _, ngettext

from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.models import ProtectionKind
from kerege.apps.aimak.reads.values import Address, Away, Member, Named
from kerege.apps.common.staff.models import Office

NOTHING = "—"
"""What stands where the book says nothing."""


def code(name: str, value: str, sex: str = "") -> str:
    """Name a code of a list."""
    return code_list(name).text(value, get_language(), sex) if value else NOTHING


def day(value: date | None) -> str:
    """Write a day as the language does."""
    return date_format(value, "SHORT_DATE_FORMAT") if value else NOTHING


def born(person: Named) -> str:
    """Write a date of birth as exactly as it is known."""
    value = person.birth_date
    if value is None or person.birth_precision == "unknown":
        return NOTHING
    if person.birth_precision == "year":
        return str(value.year)
    if person.birth_precision == "month":
        return f"{value:%m.%Y}"
    return day(value)


def age(person: Named, on: date) -> str:
    """Say how old somebody was on a day, or that they had died."""
    value = person.birth_date
    if person.death_date and person.death_date <= on:
        return _("died on %(day)s") % {"day": day(person.death_date)}
    if value is None or person.birth_precision == "unknown" or value > on:
        return NOTHING
    years = on.year - value.year - ((on.month, on.day) < (value.month, value.day))
    if years == 0:
        return _("under a year")
    return ngettext("%(years)s year", "%(years)s years", years) % {"years": years}


def name(person: Named) -> str:
    """Return somebody's name, or that it is hidden."""
    if person.is_hidden:
        return _("Protected person")
    return person.full_name or _("Without a name")


def relation(member: Member) -> str:
    """Say what a member is to the head."""
    return code("relations", member.relation, member.person.sex)


def away(absence: Away | None) -> str:
    """Say whether somebody is away, why and until when."""
    if absence is None:
        return _("here")
    parts = [code("absence_reasons", absence.reason) if absence.reason else ""]
    parts += [absence.place]
    if absence.until:
        parts.append(_("until %(day)s") % {"day": day(absence.until)})
    return ": ".join([_("away"), ", ".join(p for p in parts if p)]).rstrip(": ")


def street_line(address: Address) -> str:
    """Return the village, the street and the house: what is enough within an office."""
    language = get_language() or "en"
    village = address.units[-1].name(language) if address.units else address.unit_code
    house = address.house
    if address.flat:
        house = f"{house}, {_('flat')} {address.flat}"
    return ", ".join(p for p in (village, address.street(language), house) if p)


def whole_address(address: Address) -> str:
    """Return the address from the region down."""
    language = get_language() or "en"
    above = [unit.name(language) for unit in address.units[:-1]]
    return ", ".join([*above, street_line(address)]) or NOTHING


def number(value: object) -> str:
    """Write a number that may be unknown."""
    return NOTHING if value is None else f"{value}".replace(".", ",")


def protection(kind: str) -> str:
    """Name a kind of protection."""
    return str(ProtectionKind(kind).label)


def in_language(ky: str, ru: str, en: str) -> str:
    """Choose a name in the page's language, or one of those there are."""
    names = {"ky": ky, "ru": ru, "en": en}
    return names.get((get_language() or "en")[:2], "") or ru or ky or en


def office(value: Office) -> str:
    """Return an office's name."""
    return in_language(value.name_ky, value.name_ru, value.name_en)


def moment(value: datetime) -> str:
    """Write a moment in the time of the office."""
    return date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT")
