"""Notifications reach a real SMTP server and a real HTTP gateway, or say why not."""

import email
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller
from django.utils import timezone

from kerege.apps.common.jobs import queue, worker
from kerege.apps.common.jobs.models import Job, State as JobState
from kerege.apps.common.notifications.models import Channel, Notification, State
from kerege.apps.common.notifications.sending import SEND, AddressError, notify

pytestmark = pytest.mark.django_db


class Mailbox:
    """Takes mail; refuses those who are gone, and for a while everybody."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.busy = False

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.startswith("gone"):
            return "550 no such user"
        if self.busy:
            return "450 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        policy = email.policy.default
        self.mails.append(email.message_from_bytes(envelope.content, policy=policy))
        return "250 OK"


@pytest.fixture
def mailbox(settings) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    yield box
    controller.stop()


@pytest.fixture
def gateway(settings) -> Iterator[list[dict[str, str]]]:
    """An SMS gateway; numbers that end with 000 are nobody's."""
    taken: list[dict[str, str]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sms = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(422 if sms["to"].endswith("000") else 202)
            self.end_headers()
            taken.append(sms | {"key": self.headers["Idempotency-Key"]})

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/sms"
        settings.CONFIGURATION = replace(settings.CONFIGURATION, sms_gateway=address)
        yield taken
        server.shutdown()
        thread.join()


def mail(address: str = "a@example.kg", number: str = "17", language: str = "en"):
    values = {"number": number}
    return notify(Channel.EMAIL, address, "case-news", values, language=language)


def work() -> None:
    job = queue.claim("w", [SEND])
    assert job is not None
    worker.perform(job)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "News about your application 17"),
        ("ru", "Новости о вашем заявлении 17"),
        ("ky", "17 арызыңыз боюнча жаңылык"),
    ],
)
def test_a_mail_is_in_the_persons_language(mailbox: Mailbox, language, subject):
    item = mail(language=language)
    work()
    item.refresh_from_db()
    shown = mailbox.mails[0]["Subject"].strip()  # a long one is folded
    assert (item.state, shown) == (State.SENT, subject)


def test_a_line_break_begins_no_header(mailbox: Mailbox):
    mail(number="17\r\nBcc: spy@example.kg")
    work()
    assert mailbox.mails[0]["Bcc"] is None
    assert mailbox.mails[0]["To"] == "a@example.kg"
    assert "17  Bcc: spy@example.kg" in mailbox.mails[0]["Subject"]


@pytest.mark.parametrize("address", ["a@example.kg\nBcc: b@example.kg", "nobody", ""])
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(AddressError, match="no e-mail address"):
        mail(address)
    assert not Job.objects.exists()


def test_a_mail_to_somebody_who_is_gone_bounces(mailbox: Mailbox):
    item = mail("gone@example.kg")
    work()
    item.refresh_from_db()
    assert item.state == State.BOUNCED
    assert item.error == "the mail server refused the address with 550"
    assert Job.objects.get().state == JobState.DONE


def test_a_server_that_is_busy_is_asked_again(mailbox: Mailbox):
    item = mail()
    mailbox.busy = True
    work()
    job = Job.objects.get()
    assert (job.state, job.error) == (JobState.WAITING, "SMTPRecipientsRefused")
    mailbox.busy = False
    Job.objects.update(not_before=timezone.now())
    work()
    item.refresh_from_db()
    assert (item.state, len(mailbox.mails)) == (State.SENT, 1)


def test_a_server_that_is_never_there_ends_in_failure(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    item = mail()
    for _ in range(queue.MOST_ATTEMPTS):
        Job.objects.update(not_before=timezone.now())
        work()
    item.refresh_from_db()
    assert (item.state, item.error) == (State.FAILED, "Connection refused")


def test_an_installation_without_mail_and_gateway_says_so(settings):
    settings.EMAIL_HOST = ""
    mail()
    notify(Channel.SMS, "+996700123456", "case-news", {"number": "1"}, language="ky")
    work()
    work()
    assert [item.error for item in Notification.objects.order_by("pk")] == [
        "no mail server is set: [mail] host",
        "no SMS gateway is set: sms_gateway",
    ]


def test_an_sms_goes_to_the_gateway_and_is_sent_once(gateway):
    item = notify(
        Channel.SMS, "+996700123456", "case-news", {"number": "17"}, language="ky"
    )
    work()
    text = "17 арызыңыз боюнча жаңылык. Окуу үчүн кириңиз."
    key = f"notification-{item.pk}"
    assert gateway == [{"to": "+996700123456", "text": text, "key": key}]
    queue.enqueue(SEND, {"notification": item.pk})
    work()
    assert len(gateway) == 1


def test_a_number_that_is_nobodys_bounces(gateway):
    item = notify(
        Channel.SMS, "+996700123000", "case-news", {"number": "17"}, language="ru"
    )
    work()
    item.refresh_from_db()
    assert (item.state, item.error) == (
        State.BOUNCED,
        "the gateway refused the number with 422",
    )


def test_what_is_no_number_is_refused():
    with pytest.raises(AddressError, match="no phone number"):
        notify(Channel.SMS, "0700 12", "case-news", {"number": "1"}, language="ky")
