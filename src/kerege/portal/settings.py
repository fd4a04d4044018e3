"""Django's settings of an installation, from its folder (see `configuration`)."""

from kerege.portal.configuration import Configuration
from kerege.portal.databases import database_settings
from kerege.portal.settings_base import *

CONFIGURATION = Configuration.from_environment()
SECRET_KEY = CONFIGURATION.secret_key()
DEBUG = False
ALLOWED_HOSTS = list(CONFIGURATION.hosts)
DATABASES = {"default": database_settings(CONFIGURATION)}
STATIC_ROOT = CONFIGURATION.folder / "static"
TIME_ZONE = CONFIGURATION.time_zone
LANGUAGE_CODE = CONFIGURATION.language
SESSION_COOKIE_SECURE = CONFIGURATION.https
CSRF_COOKIE_SECURE = CONFIGURATION.https
SECURE_SSL_REDIRECT = CONFIGURATION.https
SECURE_HSTS_SECONDS = 31_536_000 if CONFIGURATION.https else 0
EMAIL_HOST = CONFIGURATION.mail.host
EMAIL_PORT = CONFIGURATION.mail.port
EMAIL_HOST_USER = CONFIGURATION.mail.user
EMAIL_HOST_PASSWORD = CONFIGURATION.mail.password
EMAIL_USE_TLS = CONFIGURATION.mail.starttls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = CONFIGURATION.mail.sender
