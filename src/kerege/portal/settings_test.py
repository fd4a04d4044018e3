"""Django's settings of the tests: a database in memory, or the one that is named."""

import os
import tempfile
from pathlib import Path

from kerege.portal.configuration import Configuration
from kerege.portal.databases import database_settings
from kerege.portal.settings_base import *

CONFIGURATION = Configuration(
    folder=Path(tempfile.gettempdir()) / "kerege-portal-tests",
    database=os.environ.get("KEREGE_TEST_DATABASE", "sqlite://:memory:"),
)
SECRET_KEY = "for tests only"  # noqa: S105 - a word of the tests
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DATABASES = {"default": database_settings(CONFIGURATION)}
STATIC_ROOT = CONFIGURATION.folder / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LANGUAGE_CODE = "en"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
