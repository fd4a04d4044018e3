"""The Django app of the village register."""

from django.apps import AppConfig


class AimakConfig(AppConfig):
    """The village register."""

    name = "kerege.apps.aimak"
    label = "aimak"
