"""The Django app of the site itself."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The site."""

    name = "kerege.portal"
    label = "portal"
