"""What the services keep out of system logs."""

import logging


class WithoutPath(logging.Filter):
    """Takes paths out of Django's log lines: after the service code comes a PIN."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the line, and of a path no more than the service code."""
        if isinstance(record.args, tuple):
            record.args = tuple(_shortened(one) for one in record.args)
        if hasattr(record, "request"):
            del record.request
        return True


def _shortened(value: object) -> object:
    if isinstance(value, str) and value.startswith("/"):
        return "/" + value.split("/")[1].partition("?")[0]
    return value
