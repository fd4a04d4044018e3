"""Pages of imports, one view for each action."""

from kerege.apps.aimak.imports.views.columns import columns
from kerege.apps.aimak.imports.views.report import download_report, report
from kerege.apps.aimak.imports.views.show import list_imports, show
from kerege.apps.aimak.imports.views.steps import stop, take, undo
from kerege.apps.aimak.imports.views.upload import upload

__all__ = [
    "columns",
    "download_report",
    "list_imports",
    "report",
    "show",
    "stop",
    "take",
    "undo",
    "upload",
]
