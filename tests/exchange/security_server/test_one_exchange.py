"""One message from end to end, over real sockets: the short story of all others."""

from tests.servers import Pair


async def test_a_client_calls_a_service_and_gets_its_answer(tmp_path):
    async with Pair(tmp_path) as pair:
        pair.offer("echo")
        answer = await pair.send("POST", "echo/path?a=b", body=b"hello")
        assert (answer.status, answer.body) == (200, b"ok")
        (called,) = pair.service.requests
        assert called.start == "POST /path?a=b HTTP/1.1"
        assert called.body == b"hello"
        assert called.get("x-road-client") == pair.client.path
        consumer, provider = pair.consumer, pair.provider
        for server in (consumer, provider):
            asked, answered = server.log.records
            assert (asked.body, answered.body) == (b"hello", b"ok")
        assert consumer.log.records[0].record.message == (
            provider.log.records[0].record.message
        )
        assert [e.verdict for e in consumer.exchanges + provider.exchanges] == [
            "200",
            "200",
        ]
