"""Telling others that jobs have ended: signed webhooks and e-mail, by an outbox in SQL, so that nothing is lost."""
