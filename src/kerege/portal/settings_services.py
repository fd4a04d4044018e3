"""Django's settings of the listener that serves the register's services."""

from kerege.portal.settings import *

ROOT_URLCONF = "kerege.apps.aimak.services.urls"
MIDDLEWARE: list[str] = []  # type: ignore[no-redef]
"""Nothing of the site's: no sessions, no forms. Connections are judged before Django."""
ALLOWED_HOSTS = ["*"]
"""Who connects is judged by the connection, not by the name it uses."""
SECURE_SSL_REDIRECT = False
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without path": {"()": "kerege.apps.aimak.services.logs.WithoutPath"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "filters": ["without path"]}
    },
    "loggers": {
        name: {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
        for name in ("django", "kerege")
    },
}
"""Django names the path of a request that failed; here it would be a PIN."""
