"""Mail: one message to an address of the settings, by the server of the settings."""

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from worker.jobs.notices.webhook import NotDeliveredError

_SECONDS = 10.0  # to connect, and for each answer


def send_mail(server: str, message: EmailMessage) -> None:
    """Send a message by a server: smtp:// (with STARTTLS if it can, and always before a password) or smtps://.

    Raises:
        NotDeliveredError: if the server does not take it.
    """
    parts = urlsplit(server)
    try:
        with _connect(parts.scheme, parts.hostname or "", parts.port) as client:
            if parts.scheme == "smtp" and (parts.username or client.has_extn("starttls")):
                client.starttls(context=ssl.create_default_context())
            if parts.username:
                client.login(unquote(parts.username), unquote(parts.password or ""))
            client.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NotDeliveredError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    if scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port or smtplib.SMTP_SSL_PORT, timeout=_SECONDS, context=context)
    client = smtplib.SMTP(host, port or smtplib.SMTP_PORT, timeout=_SECONDS)
    client.ehlo()
    return client
