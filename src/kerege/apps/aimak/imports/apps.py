"""The Django app of imports."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    """Imports of household books."""

    name = "kerege.apps.aimak.imports"
    label = "imports"

    def ready(self) -> None:
        """Register the handlers of jobs."""
        from kerege.apps.aimak.imports import jobs  # noqa: F401  registers itself
