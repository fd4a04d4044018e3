"""The Django app of imports."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kerege.apps.common.navigation import Item
from kerege.apps.common.staff.rights import Right


class ImportsConfig(AppConfig):
    """Imports of household books."""

    name = "kerege.apps.aimak.imports"
    label = "imports"
    navigation = (
        Item(
            "aimak:imports:list",
            _("Imports"),
            Right.REGISTER_IMPORT,
            prefix="/aimak/imports/",
        ),
    )

    def ready(self) -> None:
        """Register the handlers of jobs."""
        from kerege.apps.aimak.imports import jobs  # noqa: F401  registers itself
