"""An operator limits clients, sees what holds, and lifts it again."""

import json

import pytest

BANK = "TEST/COM/2/bank"
BANK_S_MEMBER = "TEST/COM/2"
REGISTER = "TEST/GOV/1/register"


def done(result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def holds(ss, who: str, side: str) -> dict[str, object]:
    rows = json.loads(done(ss("limits", "show", who, "--json")))
    return next(row for row in rows if row["side"] == side)


def test_a_client_of_another_server_is_limited_where_others_send(ss):
    shown = done(
        ss("limits", "set", BANK, "--messages-per-second", "2.5", "--answer-size", "1M")
    )
    assert "TEST/COM/2/bank, as other servers send for it" in shown
    assert "2.5 messages/s, 3 in a burst, answers up to 1048576 bytes" in shown
    assert holds(ss, BANK, "server")["messages_per_second"] == 2.5
    assert holds(ss, BANK, "client")["messages_per_second"] == 0


def test_a_client_of_this_server_is_limited_where_it_sends(ss):
    done(ss("client", "add", REGISTER, "--connection", "http"))
    shown = done(ss("limits", "set", REGISTER, "--messages-at-once", "4"))
    assert "as its information system sends: 4 messages at once" in shown
    other = ("limits", "set", REGISTER, "--side", "server", "--messages-at-once", "1")
    assert "as other servers send for it: 1 messages at once" in done(ss(*other))


def test_what_is_not_given_stays_and_0_lifts(ss):
    done(ss("limits", "set", BANK, "--request-size", "64K", "--answer-size", "2"))
    done(ss("limits", "set", BANK, "--request-size", "0"))
    found = holds(ss, BANK, "server")
    assert (found["request_bytes"], found["answer_bytes"]) == (0, 2)


def test_a_member_s_limit_holds_for_its_subsystems_until_they_have_one(ss):
    done(ss("limits", "set", BANK_S_MEMBER, "--messages-per-second", "7"))
    assert holds(ss, BANK, "server")["messages_per_second"] == 7
    done(ss("limits", "set", BANK, "--messages-per-second", "1"))
    assert holds(ss, BANK, "server")["messages_per_second"] == 1
    assert "has no limits of its own any more" in done(ss("limits", "remove", BANK))
    assert holds(ss, BANK, "server")["messages_per_second"] == 7


def test_all_that_is_set_is_shown_with_what_the_settings_say(ss):
    done(ss("limits", "set", BANK, "--burst", "3", "--messages-per-second", "1"))
    shown = done(ss("limits", "show"))
    assert "TEST/COM/2/bank" in shown
    assert "1 messages/s, 3 in a burst" in shown
    assert "every other client" in shown


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "Give at least one limit"),
        (("--request-size", "10X"), "is no size"),
        (("--request-size", "9" * 30), "is no size"),
        (("--messages-per-second", "nan"), "is no number of messages"),
        (("--messages-per-second", "-1"), "is no number of messages"),
        (("--burst", "5"), "--burst needs --messages-per-second"),
    ],
)
def test_what_makes_no_sense_is_refused(ss, words, why):
    result = ss("limits", "set", BANK, *words)
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())


def test_what_is_not_limited_cannot_be_removed(ss):
    result = ss("limits", "remove", BANK)
    assert result.exit_code == 1
    assert "does not exist on this server" in result.output
