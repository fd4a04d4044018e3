"""The `kerege` command: parses, calls, prints."""

import click

from kerege import __version__


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Run, call and verify an X-Road 7-compatible data exchange."""
