"""The Django app of staff, offices and roles."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Staff, offices and roles."""

    name = "kerege.apps.common.staff"
    label = "staff"
