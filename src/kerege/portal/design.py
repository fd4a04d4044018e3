"""What every page's shell needs."""

from django.conf import settings
from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, object]:
    """Return the values that the base template uses on every page."""
    return {"languages": settings.LANGUAGES, "path": request.path}
