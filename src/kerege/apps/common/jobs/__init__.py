"""Work that takes longer than a page may: one table, one worker command, no broker.

    # apps/aimak/imports/job.py
    @handler("aimak.import")
    def run(work: Work) -> None: ...

    enqueue("aimak.import", {"document": "…"}, owner=request.user)

A job is done at least once: a worker that dies loses its lease, and another begins the
job again. So a handler writes in transactions and knows how far it has come.
"""
