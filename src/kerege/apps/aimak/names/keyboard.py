"""Text that was typed while the keyboard was in the other layout.

`Fquek` is what comes out when fingers type Айгүл on a keyboard that still writes Latin
letters, `Фшпгд` when they type Aigul on one that writes Cyrillic. The Kyrgyz layout is
the Russian one with Ң, Ө and Ү on the keys of Н, О and У (and a second key held), so
the Russian table does for both.
"""

from itertools import pairwise

from .alphabet import MAX_NAME_CHARS

_LATIN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,."
_CYRILLIC = "ёйцукенгшщзхъфывапролджэячсмитьбю"
_LATIN_CAPITALS = '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>'
_TO_CYRILLIC = dict(
    zip(_LATIN + _LATIN_CAPITALS, _CYRILLIC + _CYRILLIC.upper(), strict=True)
)
_TO_LATIN = {
    **{cyrillic: latin for latin, cyrillic in _TO_CYRILLIC.items()},
    **dict(zip("ңөүҢӨҮ", "yjeYJE", strict=True)),
}
_ROWS = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")


def other_layout(text: str) -> str | None:
    """Return what the same keys write in the other layout.

    None where the text cannot have been typed so: it has a character that is on no
    letter's key, or letters of both alphabets. Never raises.
    """
    text = text[:MAX_NAME_CHARS]
    for table in (_TO_CYRILLIC, _TO_LATIN):
        if text and all(character in table for character in text):
            typed = "".join(table[character] for character in text)
            return typed if typed.isalpha() else None
    return None


def neighbours() -> frozenset[tuple[str, str]]:
    """Return the pairs of Cyrillic letters whose keys lie side by side."""
    pairs = {pair for row in _ROWS for pair in pairwise(row)}
    return frozenset(pairs | {(b, a) for a, b in pairs})
