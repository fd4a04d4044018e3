"""The Django app of notifications."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Notifications."""

    name = "kerege.apps.common.notifications"
    label = "notifications"

    def ready(self) -> None:
        """Register the handler of jobs."""
        from kerege.apps.common.notifications import sending  # noqa: F401  registers
