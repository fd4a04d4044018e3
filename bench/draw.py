"""Draw where the time of a profile goes: py-spy's folded stacks in, an SVG of bars out.

    py-spy record --native --rate 500 --duration 20 --format raw -o profile.txt -p PID
    python -m bench.draw profile.txt docs/images/profile.svg --title "A provider's server"

A sample belongs to the first part whose pattern fits one of its frames, looked for from
the innermost frame outwards. Samples of threads that wait are left out.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path

PARTS = (
    ("waiting for the disk", r"^f(data)?sync "),
    ("RSA", r"rsaz|RSA_|^bn_|^BN_|EVP_PKEY|SoftwareSigner\.sign|verify_raw"),
    ("TLS", r"libssl|SSLObject|sslproto|SSLProtocol|gcm|aesni"),
    ("hashes", r"sha512|sha256|SHA512|SHA256|_hashlib|_hashopenssl"),
    ("XML and signatures", r"lxml|libxml2|xroad/signature|xroad/hashchain|xroad/xml"),
    ("OCSP and certificates", r"xroad/ocsp|exchange/ocsp|xroad/certificates|x509|asn1"),
    ("logging and metrics", r"structlog|logging/|metrics"),
    ("database", r"sqlite|psycopg|libpq|sqlalchemy|messagelog|exchange/storage"),
    ("message formats", r"xroad/transport|xroad/rest|xroad/identifiers|xroad/soap"),
    ("HTTP", r"httptools|exchange/http/|llhttp"),
    ("message path", r"security_server/"),
    ("event loop and sockets", r"uvloop|uv_|libuv|asyncio/|UVStream|Loop"),
)
"""What a part's frames look like; the first that fits a frame wins."""
OTHER = "everything else"
WAITS = re.compile(
    r"epoll_p?wait|futex|sem_wait|pthread_cond_(timed)?wait|PyThread_acquire_lock|"
    r"take_gil|_worker \(concurrent"
)
"""Frames of threads that do nothing, among the `NEAR` innermost."""
NEAR = 4
WIDTH, BAR, GAP, LEFT, TOP = 760, 22, 8, 190, 56
_LINE = re.compile(r"(.*) (\d+)")


def shares(lines: Iterable[str]) -> list[tuple[str, float]]:
    """Return the parts with their shares of the time, largest first.

    Raises ValueError if no line is a folded stack of a thread at work.
    """
    patterns = [(name, re.compile(pattern)) for name, pattern in PARTS]
    counts: Counter[str] = Counter()
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        frames = match[1].split(";")
        if any(WAITS.search(frame) for frame in frames[-NEAR:]):
            continue
        counts[_part(frames, patterns)] += int(match[2])
    total = counts.total()
    if not total:
        message = "There is no stack of a thread at work"
        raise ValueError(message)
    return [(name, count / total) for name, count in counts.most_common()]


def _part(frames: list[str], patterns: list[tuple[str, re.Pattern[str]]]) -> str:
    for frame in reversed(frames):
        for name, pattern in patterns:
            if pattern.search(frame):
                return name
    return OTHER


def svg(title: str, parts: list[tuple[str, float]]) -> str:
    """Return the drawing: one bar for each part, as long as its share."""
    height = TOP + len(parts) * (BAR + GAP) + GAP
    longest = max(share for _, share in parts)
    room = WIDTH - LEFT - 70
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" font-size="14" '
            'font-family="system-ui, sans-serif">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="32" font-size="18" fill="#1a1a1a">{escape(title)}</text>',
    ]
    for index, (name, share) in enumerate(parts):
        y = TOP + index * (BAR + GAP)
        length = max(1, round(room * share / longest))
        lines += [
            (
                f'<text x="{LEFT - 12}" y="{y + 16}" text-anchor="end" fill="#1a1a1a">'
                f"{escape(name)}</text>"
            ),
            (
                f'<rect x="{LEFT}" y="{y}" width="{length}" height="{BAR}" '
                'fill="#1d5f8a"/>'
            ),
            (
                f'<text x="{LEFT + length + 8}" y="{y + 16}" fill="#1a1a1a">'
                f"{share:.1%}</text>"
            ),
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> int:
    """Draw one profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", type=Path, help="py-spy's output in format raw")
    parser.add_argument("drawing", type=Path, help="the SVG to write")
    parser.add_argument("--title", default="Where the time goes")
    chosen = parser.parse_args()
    try:
        with chosen.profile.open(encoding="utf-8") as lines:
            parts = shares(lines)
    except (OSError, ValueError) as error:
        print(f"{chosen.profile} cannot be drawn: {error}")
        return 1
    chosen.drawing.write_text(svg(chosen.title, parts), encoding="utf-8")
    for name, share in parts:
        print(f"{share:6.1%}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
