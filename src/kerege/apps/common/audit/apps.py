"""The Django app of the audit log."""

from django.apps import AppConfig
from django.core.signals import request_finished
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.navigation import Item
from kerege.apps.common.staff.rights import Right


class AuditConfig(AppConfig):
    """The audit log."""

    name = "kerege.apps.common.audit"
    label = "audit"
    navigation = (Item("audit:entries", _("Audit log"), Right.AUDIT_READ),)

    def ready(self) -> None:
        """See to attempts that a rolled-back request has made."""
        request_finished.connect(_settle, dispatch_uid="audit.settle")


def _settle(**_: object) -> None:
    from kerege.apps.common.audit.record import (
        settle,
    )  # models, which are loaded by now

    settle()
