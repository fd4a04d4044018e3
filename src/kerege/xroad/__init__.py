"""The X-Road 7 protocols as values and pure functions.

No Django, no asyncio, no sockets, no files, no clock: bytes come in, values go out.
"""
