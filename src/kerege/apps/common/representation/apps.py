"""The Django app of representation."""

from django.apps import AppConfig


class RepresentationConfig(AppConfig):
    """Representation."""

    name = "kerege.apps.common.representation"
    label = "representation"
