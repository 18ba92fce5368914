"""Notices to a real HTTP server and a real mail server."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from sqlalchemy import select, update

from tests.worker.store import submit, submit_and_claim
from worker.jobs import leases
from worker.jobs.catalog import FAILED
from worker.jobs.database import db_now, open_session
from worker.jobs.notices.delivery import deliver_due
from worker.jobs.settings import Settings, SettingsError, load_settings
from worker.jobs.tables import JobRow, NoticeRow
from worker.platform import web_server

SECRET = "s" * 32


class Receiver(HTTPServer):
    """Keeps what it is sent; answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.requests: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((dict(self.headers), body))
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Mailbox(MessageHandler):
    """Keeps the messages that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.messages.append(message)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server, and its URL."""
    box = Mailbox()
    port = web_server.free_port("127.0.0.1")
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"smtp://127.0.0.1:{port}"
    controller.stop()


def with_webhook(settings: Settings, url: str, **others: Any) -> Settings:
    return settings.model_copy(update={"webhook_urls": (url,), "webhook_secret": SECRET, **others})


def fail_a_job(settings: Settings) -> int:
    with open_session(settings) as session:
        job = submit_and_claim(session, settings)
        leases.finish(session, job.id, job.fence, FAILED, error="The images are gone.")
        submit(session, settings)  # another one, which has not ended
    return job.id


def let_time_pass(settings: Settings) -> None:
    """Make all notices that wait due."""
    with open_session(settings) as session:
        session.execute(update(NoticeRow).where(NoticeRow.due_at.is_not(None)).values(due_at=db_now() - 1))


def test_the_end_of_a_job_is_told_once_and_signed(store: Settings, receiver: Receiver) -> None:
    settings = with_webhook(store, receiver.url, public_url="https://deeplab.example.org")
    job_id = fail_a_job(settings)
    assert [deliver_due(settings) for _ in range(3)] == [1, 0, 0]
    ((headers, body),) = receiver.requests
    signature = dict(part.split("=") for part in headers["X-DeepLab-Signature"].split(","))
    expected = hmac.new(SECRET.encode(), f"{signature['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature["v1"] == expected
    message = json.loads(body)
    assert message["url"] == f"https://deeplab.example.org/jobs/{job_id}"
    assert (message["job"]["id"], message["job"]["state"]) == (job_id, "failed")
    assert message["job"]["error"] == "The images are gone."


@pytest.mark.parametrize("status", [500, 302])
def test_what_did_not_arrive_is_tried_again_and_given_up_in_the_end(
    sqlite_store: Settings, receiver: Receiver, status: int
) -> None:
    settings = with_webhook(sqlite_store, receiver.url)
    fail_a_job(settings)
    receiver.status = status
    assert deliver_due(settings) == 0
    assert deliver_due(settings) == 0  # it is not due yet
    assert len(receiver.requests) == 1
    for _ in range(20):
        let_time_pass(settings)
        deliver_due(settings)
    assert len(receiver.requests) == 8
    with open_session(settings, reads_only=True) as session:
        row = session.scalars(select(NoticeRow)).one()
    assert (row.due_at, row.sent_at, row.error) == (None, None, f"it answered {status}")


def test_a_notice_outlives_a_receiver_that_is_away(store: Settings, receiver: Receiver) -> None:
    settings = with_webhook(store, "http://127.0.0.1:1/hook")
    fail_a_job(settings)
    assert deliver_due(settings) == 0
    let_time_pass(settings)
    with open_session(settings) as session:
        session.execute(update(NoticeRow).values(target=receiver.url))
    assert deliver_due(with_webhook(store, receiver.url)) == 1


def test_an_address_that_is_not_in_the_settings_gets_nothing(sqlite_store: Settings, receiver: Receiver) -> None:
    fail_a_job(with_webhook(sqlite_store, receiver.url))
    deliver_due(with_webhook(sqlite_store, "http://127.0.0.1:1/hook"))
    with open_session(sqlite_store) as session:
        session.execute(update(NoticeRow).values(target=receiver.url))
    let_time_pass(sqlite_store)
    assert deliver_due(with_webhook(sqlite_store, "http://127.0.0.1:1/hook")) == 0
    assert receiver.requests == []


def test_jobs_that_ended_while_nobody_was_to_be_told_are_not_told_later(
    sqlite_store: Settings, receiver: Receiver
) -> None:
    fail_a_job(sqlite_store)
    assert deliver_due(sqlite_store) == 0
    assert deliver_due(with_webhook(sqlite_store, receiver.url)) == 0
    assert fail_a_job(sqlite_store)
    assert deliver_due(with_webhook(sqlite_store, receiver.url, notify_states=("succeeded",))) == 0
    assert receiver.requests == []


def test_the_end_of_a_job_is_told_by_mail(sqlite_store: Settings, mailbox: tuple[Mailbox, str]) -> None:
    box, server = mailbox
    settings = sqlite_store.model_copy(
        update={"smtp_url": server, "mail_from": "deeplab@example.org", "mail_to": ("team@example.org",)}
    )
    job_id = fail_a_job(settings)
    with open_session(settings) as session:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(name="größer"))
    assert deliver_due(settings) == 1
    (message,) = box.messages
    assert message["To"] == "team@example.org"
    text = message.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert b"The images are gone." in text


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"webhook_urls": "ftp://here"}, "DEEPLAB_WEBHOOK_URLS: expected a URL such as https"),
        ({"webhook_urls": "https://here"}, "webhooks are signed; set DEEPLAB_WEBHOOK_SECRET"),
        ({"webhook_secret": "short and secret"}, "DEEPLAB_WEBHOOK_SECRET: has 16 characters; expected 32 or more"),
        ({"mail_to": "a@b"}, "DEEPLAB_MAIL_TO: mail takes a server and a sender"),
        ({"mail_from": "me"}, "DEEPLAB_MAIL_FROM: expected an address such as"),
        ({"smtp_url": "http://me:secret@here"}, "DEEPLAB_SMTP_URL: expected a URL such as smtps"),
        ({"notify_states": "ended"}, "DEEPLAB_NOTIFY_STATES"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as caught:
        load_settings(**given)
    assert "secret@" not in str(caught.value)
    assert "short and" not in str(caught.value)


def test_settings_reach_the_processes_that_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    given = load_settings(
        webhook_urls="https://a/x,https://b/y",
        webhook_secret=SECRET,
        smtp_url="smtps://u:p@mail",
        mail_from="a@b",
        mail_to="c@d, e@f",
        notify_states="failed",
        public_url="https://here/",
    )
    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == given
