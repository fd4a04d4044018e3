"""The texts of notifications; an app adds its own with `add_text`."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MAX_SMS_CHARACTERS = 134
"""Two parts of 67 characters, which is what Cyrillic leaves of an SMS."""
MAX_SUBJECT_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Text:
    """One text in its three lengths; ``%(name)s`` is replaced."""

    subject: str | Promise
    body: str | Promise
    sms: str | Promise

    def render(self, language: str, values: Mapping[str, str]) -> "Text":
        """Return the text in a language.

        A line break in a subject would begin a header of the e-mail: there is none.
        """
        clean = {name: _one_line(value) for name, value in values.items()}
        with translation.override(language):
            return Text(
                _one_line(str(self.subject) % clean)[:MAX_SUBJECT_CHARACTERS],
                str(self.body) % clean,
                _one_line(str(self.sms) % clean)[:MAX_SMS_CHARACTERS],
            )


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


TEXTS: dict[str, Text] = {
    "case-news": Text(
        _("News about your application %(number)s"),
        _("There is news about your application %(number)s. Sign in to read it."),
        _("News about your application %(number)s. Sign in to read it."),
    ),
}


def add_text(name: str, text: Text) -> None:
    """Add a text; an app does so when it is loaded.

    Raises:
        ValueError: Another one has that name.
    """
    if TEXTS.setdefault(name, text) != text:
        message = f"Two texts are called {name}"
        raise ValueError(message)
