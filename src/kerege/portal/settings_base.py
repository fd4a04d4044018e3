"""Django's settings that are the same in every installation."""

from pathlib import Path

from csp.constants import NONE, SELF

PACKAGE = Path(__file__).resolve().parent

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "kerege.apps.common.staff",
    "kerege.apps.common.audit",
    "kerege.apps.common.auditors",
    "kerege.apps.common.jobs",
    "kerege.apps.common.documents",
    "kerege.apps.common.notifications",
    "kerege.apps.common.representation",
    "kerege.apps.common.cases",
    "kerege.apps.aimak",
    "kerege.apps.aimak.search",
    "kerege.apps.aimak.imports",
    "kerege.apps.aimak.exports",
    "kerege.portal",
    "django.forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "kerege.portal.signin.middleware.SignInMiddleware",
    "kerege.portal.languages.AccountLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "kerege.portal.urls"
WSGI_APPLICATION = "kerege.portal.wsgi.application"
AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = ["kerege.portal.signin.backend.StaffBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "kerege.portal.design.shell",
            ],
        },
    }
]

FORM_RENDERER = "kerege.portal.forms.Renderer"
LANGUAGES = [("ky", "Кыргызча"), ("ru", "Русский"), ("en", "English")]
"""Each in its own words, as whoever looks for it reads them."""
LANGUAGE_CODE = "ky"
LOCALE_PATHS = [PACKAGE.parent / "apps/common/locale"]
"""The parts of `apps.common` are apps of their own and share one catalogue."""
FORMAT_MODULE_PATH = "kerege.portal.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Bishkek"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]

STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "kerege.portal.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "script-src": [SELF],
        "img-src": [SELF],
        "font-src": [NONE],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
"""A household's form has about a hundred fields."""
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
"""Forms are text; files go to the disk and have bounds of their own."""
