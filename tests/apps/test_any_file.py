"""Files that people hand to the portal, of any bytes: a value, or a declared error."""

import contextlib
import tempfile
from pathlib import Path

from hypothesis import example, given, strategies as st

from kerege.apps.aimak import units
from kerege.apps.aimak.synth import units as synthetic
from kerege.apps.common.audit.verifying import Head, HeadError
from kerege.portal.configuration import FILE, Configuration, ConfigurationError

HEADER = b"code,parent,level,name_ru\n"
CSV = st.binary(max_size=200) | st.binary(max_size=80).map(lambda row: HEADER + row)


@given(CSV)
@example(HEADER + b"41704000000000,,region,\xff")
def test_the_official_units(content: bytes):
    with_error(units.UnitsFileError, lambda: units.read_units(content))


@given(CSV)
@example(HEADER + b"41704000000000,,region,\xff")
@example(HEADER + b'"' + b"x" * 200_000)
def test_units_of_a_synthetic_country(content: bytes):
    in_a_file("units.csv", content, synthetic.UnitsFileError, synthetic.read_units)


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'{"version": 1, "lanes": 3, "timestamp": ""}')
def test_the_head_of_an_audit_log(content: bytes):
    with_error(HeadError, lambda: Head.from_json(content))


@given(st.binary(max_size=200))
@example(b"mail = 3")
@example(b"hosts = [1]")
@example(b"a = " + b"[" * 100_000)
def test_settings_of_the_portal(content: bytes):
    def read(path: Path) -> Configuration:
        return Configuration.from_folder(path.parent)

    in_a_file(FILE, content, ConfigurationError, read)


def in_a_file(name: str, content: bytes, error: type[Exception], read) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        with_error(error, lambda: read(path))


def with_error(error: type[Exception], read) -> None:
    """Any other exception fails the test by itself."""
    with contextlib.suppress(error):
        read()
