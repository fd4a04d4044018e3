"""Every asynchronous test here runs on both event loops."""

import asyncio

import uvloop


def pytest_asyncio_loop_factories(config, item):
    del config, item
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
