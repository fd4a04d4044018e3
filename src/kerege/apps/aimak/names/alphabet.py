"""The Kyrgyz alphabet, and an order of names that every database keeps.

Databases sort Ө, Ү and Ң each in their own way, or by code points, where they come
after Я. So names are sorted by a stored key of our own. It has digits only, two for each
letter: all collations agree about digits, and comparing two keys compares the names
letter by letter in the order of the Kyrgyz alphabet.

Letters of neighbours' Cyrillic alphabets (Қ, Ғ, Ў ...) follow the letter they come from,
Latin names come after all Cyrillic ones, marks on Latin letters do not count, and of
punctuation only what separates words does.
"""

import unicodedata

LETTERS = "абвгдеёжзийклмнңоөпрстуүфхцчшщъыьэюя"
"""The 36 letters of the Kyrgyz alphabet in their order."""

ORDER = "аәбвгғґдеєёжҗзиіїйкқлмнңоөпрстуүұўфхҳһцчшщъыьэюя"
"""The same with the letters of neighbours' alphabets in their places."""

MAX_NAME_CHARS = 100
"""No name is longer; what follows is not looked at, so that no text costs much."""

APOSTROPHES = frozenset("'`´ʹʺʻʼʽˈ‘’‛′″“”\"")
"""What people type for an apostrophe, and for the soft and the hard sign."""

_SEPARATOR = "01"
_OTHER = "99"
_SLOTS = {
    **{digit: f"{10 + n}" for n, digit in enumerate("0123456789")},
    **{letter: f"{20 + n}" for n, letter in enumerate(ORDER)},
    **{letter: f"{70 + n}" for n, letter in enumerate("abcdefghijklmnopqrstuvwxyz")},
}


def clean(text: str) -> str:
    """Return the text as everything here compares it: bounded, NFC, lower case."""
    return unicodedata.normalize("NFC", text[:MAX_NAME_CHARS]).lower()


def sort_key(text: str) -> str:
    """Return the key by which this name is sorted: digits only, two for a letter.

    Texts that differ only in case, marks on Latin letters or the kind of hyphen have the
    same key. Any text has a key of at most `2 * MAX_NAME_CHARS` digits.
    """
    slots: list[str] = []
    for character in clean(text):
        slot = _SLOTS.get(character) or _slot_of_rare(character)
        if slot == _SEPARATOR and (not slots or slots[-1] == _SEPARATOR):
            continue
        slots.append(slot)
    if slots and slots[-1] == _SEPARATOR:
        slots.pop()
    return "".join(slots)[: 2 * MAX_NAME_CHARS]


def _slot_of_rare(character: str) -> str:
    if character in APOSTROPHES or unicodedata.category(character)[0] in "MC":
        return ""
    base = unicodedata.normalize("NFKD", character)[0]
    if slot := _SLOTS.get(base):
        return slot
    return _OTHER if base.isalnum() else _SEPARATOR
