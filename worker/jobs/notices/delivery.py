"""Delivers what is in the outbox."""

import logging
from email.message import EmailMessage

from worker.jobs import jobs
from worker.jobs.database import open_session
from worker.jobs.jobs import Job
from worker.jobs.notices import message, outbox
from worker.jobs.notices.mail import send_mail
from worker.jobs.notices.outbox import WEBHOOK, Notice
from worker.jobs.notices.webhook import NotDeliveredError, send_webhook
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


def deliver_due(settings: Settings) -> int:
    """Announce the jobs that have ended, and send all notices that are due; returns how many have arrived.

    Raises:
        DatabaseError: if the database cannot be reached.
    """
    with open_session(settings, reads_only=True) as session:
        is_any_new = outbox.is_any_new(session)
    if is_any_new:  # else, as nearly always, nobody has to wait for a writer
        with open_session(settings) as session:
            outbox.announce(session, settings)
    with open_session(settings, reads_only=True) as session:
        due = outbox.list_due(session)
    return sum(_deliver(settings, notice_id) for notice_id in due)


def _deliver(settings: Settings, notice_id: int) -> bool:
    """Send one notice outside of any transaction, and record what came of it."""
    with open_session(settings) as session:
        notice = outbox.claim(session, notice_id)
        job = None if notice is None else jobs.get(session, notice.job_id)
    if notice is None or job is None:  # another worker is about it
        return False
    try:
        _send(settings, notice, job)
    except NotDeliveredError as error:
        with open_session(settings) as session:
            again = outbox.mark_failed(session, notice, str(error))
        what = "it is tried again later" if again else "it is given up"
        _log.warning("The notice of job %d by %s did not arrive, %s: %s.", job.id, notice.channel, what, error)
        return False
    with open_session(settings) as session:
        outbox.mark_sent(session, notice)
    return True


def _send(settings: Settings, notice: Notice, job: Job) -> None:
    if (notice.channel, notice.target) not in outbox.targets(settings):
        raise NotDeliveredError("its address is not in the settings of this worker")
    if notice.channel == WEBHOOK:
        send_webhook(notice.target, settings.webhook_secret, message.as_json(settings, job, notice.id))
        return
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message.subject(job), settings.mail_from, notice.target
    mail.set_content(message.as_text(settings, job))
    send_mail(settings.smtp_url, mail)
