"""Reading gettext catalogues (`django.po`) with their comments and line numbers.

The format is that of the GNU gettext manual, chapter "PO Files", as `msgcat` and
`makemessages` write it: comments, then `msgctxt`, `msgid`, `msgid_plural` and `msgstr`,
each a string in quotes that can go on in the next lines. Entries that are no longer used
(`#~`) are left out.
"""

import ast
import re
from dataclasses import dataclass, field

MAX_CATALOGUE_CHARS = 4_000_000
"""The largest Django application's catalogues have a tenth of it."""

_FIELD = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?)\s+(".*")\s*$')


class CatalogueError(Exception):
    """A file that is no catalogue."""

    def __init__(self, line: int, what: str) -> None:
        """Take the line, from 1, and what is wrong with it."""
        super().__init__(f"line {line}: {what}")


@dataclass(slots=True)
class Message:
    """One text and its translation."""

    line: int
    """Where its `msgid` is, from 1."""
    comments: list[str] = field(default_factory=list)
    """What translators wrote: lines that begin with `# `, without that."""
    flags: set[str] = field(default_factory=set)
    """`fuzzy`, `python-format`, ..."""
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The English text, of singular and plural."""
        plural = self.fields.get("msgid_plural")
        text = self.fields.get("msgid", "")
        return f"{text}\n{plural}" if plural else text

    @property
    def translations(self) -> list[str]:
        """The translation: one, or one for each plural form."""
        return [t for name, t in self.fields.items() if name.startswith("msgstr")]

    @property
    def is_header(self) -> bool:
        """Tell whether this is the catalogue's own description."""
        return not self.fields.get("msgid")


def read_catalogue(text: str) -> list[Message]:
    """Return the messages of a catalogue, without its header.

    Raises:
        CatalogueError: a line is none of a catalogue; the message says which.
    """
    if len(text) > MAX_CATALOGUE_CHARS:
        raise CatalogueError(1, f"longer than {MAX_CATALOGUE_CHARS} characters")
    messages: list[Message] = []
    message, current = Message(0), ""
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        starts = line.startswith(("#", "msgctxt", "msgid "))
        if starts and any(name.startswith("msgstr") for name in message.fields):
            messages.append(message)
            message, current = Message(number), ""
        if line.startswith("#"):
            _comment(message, line)
        elif match := _FIELD.match(line):
            current = match[1]
            message.line = number if current == "msgid" else message.line
            message.fields[current] = _unquoted(match[2], number)
        elif line.startswith('"') and current:
            message.fields[current] += _unquoted(line, number)
        elif line:
            raise CatalogueError(number, f"none of a catalogue: {line[:60]!r}")
    if message.fields:
        messages.append(message)
    return [one for one in messages if not one.is_header]


def _comment(message: Message, line: str) -> None:
    if line.startswith("#,"):
        message.flags |= {flag.strip() for flag in line[2:].split(",")}
    elif line == "#" or line.startswith("# "):
        message.comments.append(line[2:].strip())


def _unquoted(text: str, line: int) -> str:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, str):
        raise CatalogueError(line, f"the quotes do not fit: {text[:60]!r}")
    return value
