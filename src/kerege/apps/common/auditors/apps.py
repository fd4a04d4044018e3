"""The Django app of the auditors' page."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.navigation import Item
from kerege.apps.common.staff.rights import Right


class AuditorsConfig(AppConfig):
    """The auditors' page."""

    name = "kerege.apps.common.auditors"
    label = "auditors"
    navigation = (Item("audit:entries", _("Audit log"), Right.AUDIT_READ),)
