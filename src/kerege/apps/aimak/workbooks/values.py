"""Values of cells as the register keeps them: texts, names, PINs, numbers, codes.

Nothing is repaired that a person would have to decide. What a keyboard or a spreadsheet
adds is taken away: spaces around and inside, no-break spaces, soft hyphens, the quote
that makes a number text. All else is refused with what is wrong.
"""

import re
import unicodedata
from datetime import date
from decimal import Decimal, InvalidOperation

from kerege.apps.aimak.names.lookalikes import mixed_words
from kerege.apps.aimak.workbooks.fields import Field, plain_word, words_of
from kerege.apps.aimak.workbooks.sheets import Value
from kerege.apps.aimak.workbooks.writing import unquoted

PIN_DIGITS = 14
"""Digit 1, day, month, year of birth and five more (Tunduk's my-data repository)."""
_PIN = re.compile(r"[012][0-3][0-9][01][0-9][12][0-9]{8}\Z")
_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x2060, 0xFEFF])
"""Soft hyphen, zero-width space, word joiner, byte order mark: pasted, never meant."""
_SIGNS = str.maketrans("‐‑‒–—−’ʼ`´", "------''''")
_NAME = re.compile(r"[^\W\d_]+(?:[ .'-]+[^\W\d_]+)*[. ]*\Z")
_NUMBER = re.compile(r"-?\d{1,9}(?:[.,]\d{1,6})?\Z")
_GROUPED = re.compile(r"\d{1,3}(?: \d{3})+(?:[.,]\d{1,6})?\Z")
_FLOAT_TEXT = re.compile(r"\d(?:[.,]\d+)?[eEеЕ]\+?\d+\Z")
_SINGLE = frozenset({"-", "--", ".", "нет", "жок", "н/д", "0"})
"""Written where nothing is: the cell counts as empty ("0" where no number is asked)."""


class ValueProblemError(ValueError):
    """A value that cannot be taken."""

    def __init__(self, code: str, **details: str) -> None:
        """Remember the id of the message and what it names."""
        super().__init__(code)
        self.code = code
        self.details = details


def text_of_cell(value: Value) -> str:
    """Return a cell's value as text: trimmed, spaces single, composed (NFC).

    Raises:
        ValueProblemError: ``text.control`` for control and direction characters.
    """
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    if not isinstance(value, str):
        return "" if value is None else str(value)
    value = unquoted(value)
    if value.isascii() and value.isprintable():
        return " ".join(value.split())
    text = unicodedata.normalize("NFC", value.translate(_INVISIBLE))
    text = " ".join(text.split())
    if not text.isprintable():
        raise ValueProblemError("text.control")
    return text


def is_empty(text: str, *, is_number: bool = False) -> bool:
    """Return whether a text stands for nothing."""
    if is_number:
        return not text or (text in _SINGLE and text != "0")
    return not text or text.casefold() in _SINGLE


def plain_text(text: str, field: Field) -> str:
    """Return a text that fits its field.

    Raises:
        ValueProblemError: ``text.too_long``, ``text.markup``.
    """
    if len(text) > field.max_chars:
        raise ValueProblemError("text.too_long", most=str(field.max_chars))
    if "<" in text or ">" in text:
        raise ValueProblemError("text.markup")
    return text


def name(text: str, field: Field) -> str:
    """Return a part of a name: letters of one alphabet, hyphens, apostrophes, spaces.

    Raises:
        ValueProblemError: ``name.mixed``, ``name.letters``, ``text.too_long``.
    """
    text = plain_text(text.translate(_SIGNS), field)
    mixed = mixed_words(text)
    if mixed:
        word = mixed[0]
        if word.proposal is None:
            raise ValueProblemError("name.mixed_unclear", letters=word.letters)
        raise ValueProblemError(
            "name.mixed", letters=word.letters, proposal=word.proposal
        )
    if not _NAME.match(text):
        raise ValueProblemError("name.letters")
    return text


def pin(value: Value) -> str:
    """Return a PIN's fourteen digits.

    Raises:
        ValueProblemError: ``pin.rounded``, ``pin.length``, ``pin.form``.
    """
    text = text_of_cell(value).replace(" ", "").replace("-", "").strip("'")
    if _FLOAT_TEXT.match(text):
        raise ValueProblemError("pin.rounded")
    if not text.isascii() or not text.isdecimal():
        raise ValueProblemError("pin.form")
    if len(text) != PIN_DIGITS:
        raise ValueProblemError("pin.length", digits=str(len(text)))
    if not _PIN.match(text) or birth_date_of(text) is None:
        raise ValueProblemError("pin.form")
    return text


def birth_date_of(pin_text: str) -> date | None:
    """Return the date inside a PIN, None where it is none."""
    try:
        return date(int(pin_text[5:9]), int(pin_text[3:5]), int(pin_text[1:3]))
    except ValueError:
        return None


def number(value: Value, field: Field) -> Decimal:
    """Return a number that is written with a point or a comma, or is a number.

    Raises:
        ValueProblemError: ``number.unreadable``, ``number.negative``,
            ``number.too_large``.
    """
    text = text_of_cell(value)
    if _GROUPED.match(text):
        text = text.replace(" ", "")
    if isinstance(value, date) or not _NUMBER.match(text) or not text.isascii():
        raise ValueProblemError("number.unreadable")
    try:
        found = Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise ValueProblemError("number.unreadable") from error
    if found < 0:
        raise ValueProblemError("number.negative")
    if found > field.largest:
        raise ValueProblemError("number.too_large", most=str(field.largest))
    return found


def count(value: Value, field: Field) -> int:
    """Return a whole number. Raises as `number`, and ``number.not_whole``."""
    found = number(value, field)
    if found != int(found):
        raise ValueProblemError("number.not_whole")
    return int(found)


def code_of(text: str, list_name: str) -> str:
    """Return our code for a word of a list (``sex``, ``relation``).

    Raises:
        ValueProblemError: ``sex.unknown``, ``relation.unknown``.
    """
    code = words_of(list_name).get(plain_word(text))
    if code is None:
        raise ValueProblemError(list_name + ".unknown")
    return code


def split_name(text: str) -> tuple[str, str, str]:
    """Return surname, given name and patronymic of a name in one cell.

    ``уулу`` and ``кызы`` belong to the word before them: "Асанов Үсөн", "Асан уулу
    Үсөн" (surname, given name), "Асанова Айгүл Маратовна", "Асанов Үсөн Марат уулу".

    Raises:
        ValueProblemError: ``name.parts`` for one part, or more than three.
    """
    parts: list[str] = []
    for word in text.split():
        if word.casefold() in ("уулу", "кызы", "uulu", "kyzy") and parts:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    if not 2 <= len(parts) <= 3:
        raise ValueProblemError("name.parts")
    surname, given, *rest = parts
    return surname, given, rest[0] if rest else ""
