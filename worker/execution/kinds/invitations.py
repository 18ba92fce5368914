"""Invite other workers to a segment job: publish it again, once for each slot that could have a shard."""

import logging

from deeplab.formats import plural
from worker.execution.kinds import JobContext
from worker.jobs import workers
from worker.jobs.broker import queue
from worker.jobs.broker.queue import BrokerUnreachableError
from worker.jobs.database import open_session
from worker.jobs.shards import ShardCounts

_log = logging.getLogger(__name__)


class Invitations:
    """Those of one attempt, which are sent while its items are listed and shards come up."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._n_sent = 0
        self._is_done = False

    def send(self, counts: ShardCounts) -> None:
        """Invite as many more as could have a shard by now; the last time when all items are listed."""
        if self._is_done:
            return
        wanted = min(self._count_slots(), counts.n_open) - 1  # this one has a shard, too
        while self._n_sent < wanted and self._send_one():
            pass
        if counts.complete:
            self._context.add_event(f"{plural(counts.n_open, 'shard')} to do")
            self._is_done = True

    def _count_slots(self) -> int:
        with open_session(self._context.settings, reads_only=True) as session:
            return workers.count_slots(session, self._context.job.queue)

    def _send_one(self) -> bool:
        self._n_sent += 1
        try:
            queue.send(self._context.settings, self._context.job)
        except BrokerUnreachableError as error:
            _log.warning("No other worker was invited to help: %s", error)
            return False
        return True
