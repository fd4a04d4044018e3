"""The Django app of cases."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Cases."""

    name = "kerege.apps.common.cases"
    label = "cases"
