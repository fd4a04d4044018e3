"""The Django app of the audit log."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The audit log."""

    name = "kerege.apps.common.audit"
    label = "audit"
