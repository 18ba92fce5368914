"""The Celery worker: a main process that consumes one queue, and a pool process for each slot."""

import logging
import os
import warnings

from celery import signals
from celery.exceptions import SecurityWarning

from deeplab.formats import plural
from worker.execution.announcer import Announcer
from worker.execution.logs import configure_logging
from worker.execution.slots import Slots, find_gpus, find_memory
from worker.execution.starting.starter import Starter
from worker.execution.supervisor import child_environment
from worker.execution.tasks import register_tasks
from worker.jobs import storage, workers
from worker.jobs.broker.celery_app import celery_app
from worker.jobs.broker.queue import channels
from worker.jobs.database import DatabaseError, open_session
from worker.jobs.log_fields import name_process
from worker.jobs.reconciler import Reconciler
from worker.jobs.revisions import check_revision
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)


def run_worker(settings: Settings, queue: str, concurrency: int | None = None, name: str | None = None) -> int:
    """Serve a queue until SIGTERM or SIGINT, then let running jobs save a checkpoint and go back to the queue.

    Args:
        settings: name the database, whose tables must be up to date, and the broker, which may be down for a while.
        queue: gpu or cpu.
        concurrency: number of slots; None: one per GPU, or one without GPUs.
        name: of the worker, such as gpu@somewhere; None: made from the queue and the host name, and a number for
            another worker on the same machine.

    Returns:
        The exit status of this process.

    Raises:
        DatabaseError: if the database cannot be reached, or has the tables of another version.
        WorkerNameTakenError: if a live worker on this machine has that name.
    """
    check_revision(settings)
    storage.mount(settings)
    gpus = find_gpus() if queue == "gpu" else []
    memory = find_memory(gpus)
    with open_session(settings) as session:
        if name is None:
            name = workers.choose_name(session, queue)
        else:
            workers.check_name(session, name)
        starter = Starter(child_environment(settings) if settings.preload else None)
        slots = Slots(name, gpus, concurrency, starter=starter, cores=settings.cores)
        slots.worker_id = workers.register(session, name, queue, slots.device, slots.count, slots.most_gpus, memory)
    if os.geteuid() != 0:  # Celery takes a group without a name, as users of containers may have, for root's
        warnings.simplefilter("ignore", SecurityWarning)
    app = celery_app(settings)
    register_tasks(app, settings, slots)
    reconciler = Reconciler(settings, slots.worker_id)
    announcer = Announcer(settings)
    # On the cpu queue are crf jobs alone, which many never submit: it warms up with the first of them.
    _connect_signals(settings, slots, reconciler, announcer, warms_up=queue == "gpu")
    worker = app.Worker(
        hostname=name,
        queues=channels(queue, slots.most_gpus),
        concurrency=slots.count,
        pool="prefork",
        optimization="fair",  # a message goes to a pool process that is free, never behind a running job
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    try:
        worker.start()
    finally:
        announcer.stop()
        reconciler.stop()
        _unregister(settings, slots.worker_id)
    return worker.exitcode or 0


def _unregister(settings: Settings, worker_id: int) -> None:
    try:
        with open_session(settings) as session:
            workers.unregister(session, worker_id)
    except DatabaseError as error:  # the missing heartbeats will show it
        _log.warning("%s", error)


def _connect_signals(
    settings: Settings, slots: Slots, reconciler: Reconciler, announcer: Announcer, *, warms_up: bool
) -> None:
    """Connect to the worker's signals; Celery would forget local functions without weak=False."""

    def on_setup_logging(**_: object) -> None:
        configure_logging(as_json=settings.log == "json")
        name_process(worker=slots.worker)
        logging.getLogger("celery").setLevel(logging.WARNING)  # our own lines say what matters

    def on_ready(**_: object) -> None:
        _log.info("Worker %s is ready: %s, %s.", slots.worker, slots.device, plural(slots.count, "slot"))
        reconciler.start()
        announcer.start()

    def on_shutting_down(**_: object) -> None:
        slots.stop.set()  # seen by the supervisors in the pool processes

    def on_process_init(**_: object) -> None:
        slots.starter.warm_up()

    def on_process_shutdown(**_: object) -> None:
        slots.starter.stop()

    if warms_up:
        signals.worker_process_init.connect(on_process_init, weak=False)
    signals.worker_process_shutdown.connect(on_process_shutdown, weak=False)
    signals.setup_logging.connect(on_setup_logging, weak=False)
    signals.worker_ready.connect(on_ready, weak=False)
    signals.worker_shutting_down.connect(on_shutting_down, weak=False)
