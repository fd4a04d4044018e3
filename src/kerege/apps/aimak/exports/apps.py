"""The Django app of exports."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.navigation import Item
from kerege.apps.common.staff.rights import Right


class ExportsConfig(AppConfig):
    """Lists and books as files."""

    name = "kerege.apps.aimak.exports"
    label = "exports"
    navigation = (Item("aimak:exports:export", _("Export"), Right.REGISTER_EXPORT),)
