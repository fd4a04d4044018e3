"""The Django app of the audit log."""

from django.apps import AppConfig
from django.core.signals import request_finished


class AuditConfig(AppConfig):
    """The audit log."""

    name = "kerege.apps.common.audit"
    label = "audit"

    def ready(self) -> None:
        """See to attempts that a rolled-back request has made."""
        request_finished.connect(_settle, dispatch_uid="audit.settle")


def _settle(**_: object) -> None:
    from kerege.apps.common.audit.record import (
        settle,
    )  # models, which are loaded by now

    settle()
