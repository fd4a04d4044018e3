"""What goes onto the wire for what a handler gives."""

import asyncio

import pytest

from kerege.exchange.http import BodyTooLarge, Response
from tests.exchange.http.helpers import Call, a_server, answers, statuses

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


async def stream(*pieces):
    for piece in pieces:
        yield piece


def giving(response):
    async def handler(request):
        del request
        return response() if callable(response) else response

    return handler


async def ask(response, request=GET, **settings):
    """Return the bytes that answer ``request``."""
    return await Call(a_server(giving(response), **settings)).send(request)


async def test_bytes_have_their_length():
    got = await ask(Response(201, b"Made", [(b"A", b"1"), (b"A", b"2")], b"abc"))
    assert got == b"HTTP/1.1 201 Made\r\nA: 1\r\nA: 2\r\nContent-Length: 3\r\n\r\nabc"


async def test_an_iterator_is_chunked_and_empty_pieces_do_not_end_it():
    got = await ask(lambda: Response(body=stream(b"ab", b"", b"c" * 17)))
    assert got == (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n11\r\n" + b"c" * 17 + b"\r\n0\r\n\r\n"
    )


async def test_an_iterator_that_gives_nothing_is_an_empty_body():
    got = await ask(lambda: Response(body=stream()))
    assert got.endswith(b"chunked\r\n\r\n0\r\n\r\n")


async def test_framing_that_the_handler_chose_is_kept():
    length = [(b"content-length", b"3"), (b"B", b"2")]
    whole = await ask(Response(headers=length, body=b"abc"))
    assert whole == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nB: 2\r\n\r\nabc"
    assert (
        await ask(lambda: Response(headers=length, body=stream(b"ab", b"c"))) == whole
    )
    chunked = [(b"Transfer-Encoding", b"chunked")]
    got = await ask(Response(headers=chunked, body=b"abc"))
    assert got.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
async def test_204_and_304_have_no_body(status):
    for body in (b"never", stream(b"never")):
        got = await ask(Response(status, b"", [(b"A", b"1")], body))
        assert got == b"HTTP/1.1 %d \r\nA: 1\r\n\r\n" % status


async def test_an_answer_to_head_has_its_headers_and_no_body():
    length = [(b"Content-Length", b"3")]
    for body in (b"abc", stream(b"abc")):
        got = await ask(Response(headers=length, body=body), HEAD)
        assert got == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    assert b"ength" not in await ask(Response(), HEAD)


async def test_an_old_client_gets_a_stream_that_ends_with_the_connection():
    call = Call(a_server(giving(lambda: Response(body=stream(b"a", b"b")))))
    got = await call.send(OLD)
    assert got == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab"
    assert call.is_over


async def test_the_date_is_there_once():
    (plain,) = answers(await ask(Response(), add_date=True))
    assert plain.header(b"date").endswith(b" GMT")
    theirs = [(b"date", b"Tue, 15 Nov 1994 08:12:31 GMT"), (b"Date", b"second")]
    (kept,) = answers(await ask(Response(headers=theirs), add_date=True))
    assert kept.header(b"date") == b"Tue, 15 Nov 1994 08:12:31 GMT"
    (refused,) = answers(await ask(Response(), b"nonsense\r\n\r\n", add_date=True))
    assert refused.header(b"date")
    (without,) = answers(await ask(Response()))
    assert without.header(b"date") is None


async def test_a_server_can_close_after_every_answer():
    call = Call(a_server(always_close=True))
    (answer,) = answers(await call.send(GET + GET))
    assert answer.header(b"connection") == b"close"
    assert call.is_over


async def test_a_handler_can_close():
    call = Call(a_server(giving(Response(headers=[(b"connection", b"Close")]))))
    (answer,) = answers(await call.send(GET))
    assert answer.header(b"connection") == b"close"
    assert call.is_over


WRONG = {
    "a line break in a value": Response(headers=[(b"A", b"b\r\nC: d")]),
    "a line feed in a value": Response(headers=[(b"A", b"b\nC: d")]),
    "a line break in a name": Response(headers=[(b"A\r\nB", b"c")]),
    "a line break in the reason": Response(reason=b"OK\r\nA: b"),
    "NUL in a value": Response(headers=[(b"A", b"\0")]),
    "a wrong length": Response(headers=[(b"Content-Length", b"4")], body=b"abc"),
    "a length that is none": Response(headers=[(b"Content-Length", b"x")]),
    "two lengths": Response(headers=[(b"Content-Length", b"0")] * 2),
    "length and chunks": Response(
        headers=[(b"Content-Length", b"0"), (b"Transfer-Encoding", b"chunked")]
    ),
    "an unknown coding": Response(headers=[(b"Transfer-Encoding", b"gzip")]),
    "an interim status": Response(103),
    "no status": Response(0),
}


@pytest.mark.parametrize("row", WRONG)
async def test_an_answer_that_is_no_message_becomes_500(row):
    errors = []
    got = await ask(WRONG[row], on_error=lambda _, error: errors.append(error))
    assert (
        got
        == b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert [type(e) for e in errors] == [ValueError]


def failing(error, *before):
    async def body():
        for piece in before:
            yield piece
        raise error

    return lambda: Response(body=body())


async def test_a_stream_that_fails_before_its_first_piece_becomes_500():
    assert statuses(await ask(failing(OSError("disk")))) == [500]


async def test_a_stream_that_fails_later_is_cut_off():
    errors = []
    server = a_server(
        giving(failing(OSError("disk"), b"abc")),
        on_error=lambda _, error: errors.append(error),
    )
    call = Call(server)
    (answer,) = answers(await call.send(GET))
    assert answer.body == b"abc"
    assert not answer.is_complete
    assert call.transport.aborted
    assert [str(e) for e in errors] == ["disk"]


async def test_a_stream_that_is_shorter_than_its_header_says_is_cut_off():
    length = [(b"Content-Length", b"9")]
    call = Call(a_server(giving(lambda: Response(headers=length, body=stream(b"abc")))))
    await call.send(GET)
    assert call.transport.aborted


async def test_what_a_handler_raises_goes_to_the_hook_and_the_client_gets_500():
    seen = []

    async def handler(request):
        raise LookupError("secret")

    def hook(request, error):
        seen.append((request.method, str(error)))

    call = Call(a_server(handler, on_error=hook))
    got = await call.send(GET + GET)
    assert statuses(got) == [500]
    assert b"secret" not in got
    assert seen == [("GET", "secret")]
    assert call.is_over


async def test_the_hook_can_answer():
    async def handler(request):
        raise LookupError

    def hook(request, error):
        return Response(503, b"Later", body=b"sorry")

    call = Call(a_server(handler, on_error=hook))
    (answer,) = answers(await call.send(GET))
    assert (answer.status, answer.body) == (503, b"sorry")
    assert call.is_over


async def test_a_hook_that_fails_still_leaves_500():
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, c: reported.append(c))

    async def handler(request):
        raise LookupError

    def hook(request, error):
        raise RuntimeError

    assert statuses(await Call(a_server(handler, on_error=hook)).send(GET)) == [500]
    assert isinstance(reported[0]["exception"], RuntimeError)


async def test_a_body_larger_than_the_handler_wants_is_413():
    async def handler(request):
        await request.body.read_all(9)

    for request in (
        POST + b"0123456789",
        CHUNKED + b"5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
    ):
        assert statuses(await Call(a_server(handler)).send(request)) == [413]


async def test_the_same_error_about_another_body_is_500():
    async def handler(request):
        raise BodyTooLarge("Of the service's answer.")

    assert statuses(await Call(a_server(handler)).send(GET)) == [500]


async def test_an_answer_before_the_body_came_lets_the_rest_run_out():
    call = Call(a_server(giving(Response(403, b"Forbidden"))))
    (answer,) = answers(await call.send(POST + b"0123"))
    assert answer.header(b"connection") == b"close"
    assert call.transport.eof_written
    assert not call.is_over
    await call.send(b"456789", GET)
    assert len(answers(bytes(call.transport.written))) == 1
    await call.pass_seconds(3)
    assert call.is_over


async def test_a_body_that_was_not_read_does_not_disturb_the_next_request():
    call = Call(a_server(giving(Response())))
    big = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n" + bytes(
        400_000
    )
    assert statuses(await call.send(big)) == [200]
    assert call.transport.is_reading
    assert statuses(await call.send(GET)) == [200, 200]


async def test_a_hook_whose_answer_is_no_message_still_leaves_500():
    async def handler(request):
        raise LookupError

    def hook(request, error):
        return Response(headers=[(b"A", b"\n")])

    assert statuses(await Call(a_server(handler, on_error=hook)).send(GET)) == [500]


async def test_a_hook_that_streams_and_fails_is_cut_off():
    async def handler(request):
        raise LookupError

    def hook(request, error):
        return failing(OSError("disk"), b"abc")()

    call = Call(a_server(handler, on_error=hook))
    await call.send(GET)
    assert call.transport.aborted


async def test_the_server_has_words_for_an_unknown_method():
    def words():
        return Response(500, b"Server Error", body=b"fault")

    call = Call(a_server(on_unknown_method=words))
    (answer,) = answers(await call.send(b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n"))
    assert (answer.status, answer.body) == (500, b"fault")
    assert answer.header(b"connection") == b"close"


async def test_a_mistake_of_ours_ends_the_connection_and_is_reported():
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, c: reported.append(c))

    def words():
        raise RuntimeError("no words")

    call = Call(a_server(on_unknown_method=words))
    assert await call.send(b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n") == b""
    assert call.transport.aborted
    assert str(reported[0]["exception"]) == "no words"
    assert call.server.connection_count == 0
