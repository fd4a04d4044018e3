"""One spelling for all spellings of a name, in whatever alphabet.

`fold` writes a name with the small letters a to z so that spellings which people and
offices use for the same name come out the same:

=========================  ==========================================================
Өмүрбек, Омурбек, Ömürbek  marks and Kyrgyz letters do not count: `omurbek`
Жээнбеков, Dzheenbekov     ж, дж, zh, dzh, dj and j are `j`, long vowels are short
Чынгыз, Çınğız, Chingiz    ы, и, й, i and y are `i`; ң, нг and ng are `n`
Айгүл, Айгуль              soft and hard signs are dropped
Сергеев, Sergeyev          ye, ie and je after a consonant are `e`; so are ё, yo, io
=========================  ==========================================================

In a folded name `c` is ч, `w` is ш and щ, `j` is ж, `h` is х: one letter for one sound,
so that one letter of difference is one sound of difference. Cyrillic is first written
in Latin letters in the plainest way, then both pass the same rules; so every lawful
Latin spelling (`latin.py`) folds like the Cyrillic name it comes from.

A folded name is for comparing, never for showing.
"""

import re
import unicodedata

from .alphabet import MAX_NAME_CHARS, clean
from .lookalikes import repaired, unmasked

MAX_READINGS = 4
"""A Latin spelling that can be read in several ways is looked up in at most so many."""

_CYRILLIC = {
    **dict(zip("абвгдезиклмноөпрстуүфыэ", "abvgdeziklmnooprstuufye", strict=True)),
    "ё": "yo",
    "ж": "zh",
    "й": "y",
    "ң": "ng",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
    **dict(zip("әғґєіїқұў", "aggeiikuu", strict=True)),
    "җ": "zh",
    "ҳ": "kh",
    "һ": "kh",
}
_MARKED_LATIN = {
    "ç": "ch",
    "č": "ch",
    "ş": "sh",
    "ș": "sh",
    "š": "sh",
    "ž": "zh",
    "ñ": "ng",
    "ŋ": "ng",
    "ń": "ng",
    "ņ": "ng",
    **dict(zip("ığģəäæøßđħłþðœ", "iggaaeosdhltdo", strict=True)),
}
_PLAIN = str.maketrans({**_CYRILLIC, **_MARKED_LATIN})
_SOUNDS = {
    "shch": "w",
    "sch": "w",
    "sh": "w",
    "tch": "c",
    "ch": "c",
    "dzh": "j",
    "dj": "j",
    "zh": "j",
    "kh": "h",
    "gh": "g",
    "ph": "f",
    "c": "k",
    "q": "k",
    "w": "v",
    "x": "h",
    "y": "i",
}
_SOUND = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_SOFT_E = re.compile("i+[eo]")
_NASAL = re.compile("n+g+")
_LONG = re.compile(r"(.)\1+")
_PERHAPS_MIXED = re.compile("[a-z0-9іұҥӊӈѳɵӫ\u0370-\u03ff]")
_NOT_A_LETTER = re.compile("[^a-z]")


def fold(name: str) -> str:
    """Return the one spelling of a word, in letters a to z; empty if it has none.

    Never raises. Words of several parts are folded as one: split them first
    (`query.words`).
    """
    return _folded(_plain(name))


def readings(name: str) -> tuple[str, ...]:
    """Return the folded word, and what else a Latin spelling may stand for.

    `j` is ж, but in older passports й (Ajgul); `c` is a Turkish ж; `x` may be кс;
    French passports had `ou` for у and `gui` for ги; `CAPAH` can be Cyrillic to the
    eye. At most `MAX_READINGS`, the likeliest first.
    """
    plain = _plain(name)
    found = [_folded(plain)]
    for sign, others in _AMBIGUOUS:
        if sign.search(plain):
            found += [_folded(sign.sub(other, plain)) for other in others]
    if name.isascii() and (cyrillic := unmasked(name[:MAX_NAME_CHARS])):
        found.insert(1, fold(cyrillic))
    return tuple(dict.fromkeys(word for word in found if word))[:MAX_READINGS]


_AMBIGUOUS = (
    (re.compile("(?<!d)j(?=[^aeiouy]|$)"), ("i",)),
    (re.compile("c(?!h)"), ("dj", "ts")),
    (re.compile("x"), ("ks",)),
    (re.compile("ou"), ("u",)),
    (re.compile("gu(?=[eiy])"), ("g",)),
)


def _plain(name: str) -> str:
    """Return the word in the letters a to z, digraphs and all."""
    word = clean(name)
    if word.isascii():
        return _NOT_A_LETTER.sub("", word)
    if _PERHAPS_MIXED.search(word):
        word = clean(repaired(unicodedata.normalize("NFC", name[:MAX_NAME_CHARS])))
    word = word.translate(_PLAIN)
    if not word.isascii():
        word = unicodedata.normalize("NFKD", word)
    return _NOT_A_LETTER.sub("", word)


def _folded(plain: str) -> str:
    word = _SOUND.sub(lambda match: _SOUNDS[match.group()], plain)
    word = _NASAL.sub("n", word).replace("dj", "j")
    word = _LONG.sub(r"\1", _SOFT_E.sub("e", word))
    return word[:-1] + "i" if word.endswith("ij") else word
