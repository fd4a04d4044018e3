"""SOATE codes: ``417 | RR | DDD | AAA | VVV``, 14 digits.

``417`` is the country, ``RR`` the region, ``DDD`` the district (2xx) or town (4xx),
``AAA`` the ayil aimak (8xx), ``VVV`` the settlement. The code of the unit above is the
code with the lower groups zeroed; a town's own code may end in a settlement's number
(``41702420000010``), and a region stands above it.
"""

import re

CODE = re.compile(r"417\d{11}")
_ENDS = (5, 8, 11, 14)
"""Where the groups end: region, district or town, aimak, settlement."""


def prefix_of(code: str) -> str:
    """Return the digits with which the codes of all that lies in a unit begin."""
    if code[5:6] == "4":
        return code[:8]
    for end in _ENDS:
        if not code[end:].strip("0"):
            return code[:end]
    return code


def ancestors(code: str) -> list[str]:
    """Return the codes of the units above, the region first; not all of them exist."""
    own = [code[:end].ljust(14, "0") for end in _ENDS[:3]]
    return [one for one in dict.fromkeys(own) if one != code]


def may_be_parent(parent: str, code: str) -> bool:
    """Return whether the rule of codes lets one unit lie directly in another."""
    if not parent:
        return code == code[:5].ljust(14, "0")
    return parent in ancestors(code)
