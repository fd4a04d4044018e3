"""What an app adds to the navigation that the portal shows above each page."""

from dataclasses import dataclass

from django.utils.functional import Promise

from kerege.apps.common.staff.rights import Right


@dataclass(frozen=True, slots=True)
class Item:
    """One link of the navigation.

    An app lists its items in ``navigation`` of its `AppConfig`.
    """

    view: str
    """Name of the address: ``aimak:search``."""
    label: str | Promise
    right: Right
    """Shown to those who have it somewhere."""
    prefix: str = ""
    """The beginning of the addresses of which this item is the current one; empty:
    its own address."""
