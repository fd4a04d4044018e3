"""Roles, and the rights of each: a table. What is not in it is not allowed."""

from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """What somebody is in an office."""

    CLERK = "clerk", _("clerk")
    HEAD = "head", _("head of office")
    DISTRICT = "district", _("district")
    ANALYST = "analyst", _("national analyst")
    AUDITOR = "auditor", _("auditor")
    ADMINISTRATOR = "administrator", _("administrator")


class Right(StrEnum):
    """What a view needs."""

    REGISTER_READ = "register.read"
    """See persons and households of the own scope."""
    REGISTER_WRITE = "register.write"
    """Enter events and corrections."""
    REGISTER_IMPORT = "register.import"
    REGISTER_EXPORT = "register.export"
    PROTECTED_READ = "protected.read"
    """See protected persons, with a reason that is kept."""
    STATISTICS = "statistics"
    """Numbers without names."""
    AUDIT_READ = "audit.read"
    STAFF_MANAGE = "staff.manage"


PERSONAL_DATA = frozenset(
    {
        Right.REGISTER_READ,
        Right.REGISTER_WRITE,
        Right.REGISTER_IMPORT,
        Right.REGISTER_EXPORT,
        Right.PROTECTED_READ,
        Right.AUDIT_READ,
    }
)
"""Rights that nobody has without a second factor."""

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.CLERK: frozenset(
        {
            Right.REGISTER_READ,
            Right.REGISTER_WRITE,
            Right.REGISTER_IMPORT,
            Right.REGISTER_EXPORT,
            Right.STATISTICS,
        }
    ),
    Role.HEAD: frozenset(
        {
            Right.REGISTER_READ,
            Right.REGISTER_WRITE,
            Right.REGISTER_IMPORT,
            Right.REGISTER_EXPORT,
            Right.PROTECTED_READ,
            Right.STATISTICS,
            Right.STAFF_MANAGE,
        }
    ),
    Role.DISTRICT: frozenset({Right.REGISTER_READ, Right.STATISTICS}),
    Role.ANALYST: frozenset({Right.STATISTICS}),
    Role.AUDITOR: frozenset({Right.AUDIT_READ}),
    Role.ADMINISTRATOR: frozenset({Right.STAFF_MANAGE}),
}
