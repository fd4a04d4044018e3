"""The Django app of the village register."""

from typing import ClassVar

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.navigation import Item
from kerege.apps.common.staff.rights import Right


class AimakConfig(AppConfig):
    """The village register."""

    name = "kerege.apps.aimak"
    label = "aimak"
    navigation: ClassVar[tuple[Item, ...]] = (
        Item("aimak:home", _("Village register"), Right.REGISTER_READ, "/aimak/"),
        Item("aimak:statistics", _("Statistics"), Right.STATISTICS),
    )
