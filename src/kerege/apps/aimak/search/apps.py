"""The Django app of the search tables."""

from django.apps import AppConfig


class SearchConfig(AppConfig):
    """The search tables of the village register."""

    name = "kerege.apps.aimak.search"
    label = "aimak_search"
