"""Stands in for the reading process: takes its limits, then all memory it can get."""

from kerege.apps.aimak.workbooks._child import _limit

if __name__ == "__main__":
    _limit()
    hoard = []
    while True:
        hoard.append(bytearray(64 * 1024 * 1024))
