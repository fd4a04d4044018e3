"""Run the tests of the portal and its apps once more, on a real PostgreSQL.

Django has one database for a whole run, so these tests run on SQLite with all others and
here with a server of their own: ``python -m tests.portal_on_postgres [pytest's words]``.
"""

import os
import sys

import pytest

from tests.postgres import server

DEFAULT = ["-m", "not browser and not slow", "tests/portal", "tests/apps"]


def main() -> int:
    """Start a server, run pytest with it, and return its exit code."""
    url = server().create_database()
    os.environ["KEREGE_TEST_DATABASE"] = url
    return pytest.main(sys.argv[1:] or DEFAULT)


if __name__ == "__main__":
    sys.exit(main())
