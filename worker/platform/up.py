"""`deeplab up`: database, broker, workers and web server on one machine, started and stopped in order."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Self

from deeplab.files import make_folder
from deeplab.processes import signals_handled
from worker.jobs import database, storage
from worker.jobs.broker import connection
from worker.jobs.catalog import QUEUES
from worker.jobs.reconciler import Reconciler
from worker.jobs.settings import Settings
from worker.platform import entrance, valkey, web_server
from worker.platform.home_lock import HomeLock
from worker.platform.process import ManagedProcess, ProcessSpec

_WORKER_STOP_SECONDS = 60  # running jobs finish their iteration and save a checkpoint


class Platform:
    """A context manager: the platform runs inside the block, and no process of it is left afterwards.

    All but the reconciler happens in the caller's thread, so the block has to call `restart_dead` about once a second.
    Should this process be killed, the kernel ends every other one with it (see worker.platform.launch).
    """

    def __init__(
        self, settings: Settings, *, web: bool = True, command: str = "deeplab up", say: Callable[[str], None] = print
    ) -> None:
        """Prepare; nothing is started before the block is entered.

        Args:
            settings: of this platform; the port must not be 0, see `worker.platform.web_server.listen`.
            web: whether the web server is started too.
            command: what runs this platform, for people who find the home folder in use.
            say: is called with a sentence when something happens.
        """
        self.settings = settings
        self.say = say
        self.has_web = web
        self._command = command
        self._groups: list[list[ManagedProcess]] = []  # each is started when the ones before it work
        self._listener: socket.socket | None = None

    @property
    def processes(self) -> list[ManagedProcess]:
        """The processes, in the order in which they were started."""
        return [process for group in self._groups for process in group]

    def __enter__(self) -> Self:
        """Start everything and wait until it is ready.

        Raises:
            DeepLabError: if a process cannot work; nothing is left running then.
        """
        with ExitStack() as stack:
            address = web_server.address(self.settings) if self.has_web else None
            stack.enter_context(HomeLock(self.settings, self._command, address))
            stack.callback(self._stop)
            self._start(stack)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._resources.close()

    def restart_dead(self) -> None:
        """Start processes again that have died, and say so."""
        for process in self.processes:
            if happened := process.restart_if_dead():
                self.say(happened)

    def greeting(self) -> str:
        """Where the platform is, and how to get in."""
        if self._listener is None:
            return f"The workers of {self.settings.home} are running. Ctrl-C stops them."
        return "\n".join([*entrance.greeting(self.settings, self._listener), "Ctrl-C stops it."])

    def _start(self, stack: ExitStack) -> None:
        listener = None
        if self.has_web:  # first, because it fails most often
            listener = stack.enter_context(web_server.listen(self.settings.host, self.settings.port))
        own_roots = [root for root in self.settings.roots if root.parent == self.settings.home]
        for folder in (storage.logs_dir(self.settings), *own_roots):
            make_folder(folder)
        database.upgrade(self.settings)
        if listener is not None:
            entrance.prepare_entrance(self.settings, listener)
            self._listener = listener
        if self.settings.embedded_broker:
            self._start_group([_broker(self.settings)])
        else:
            connection.check_reachable(self.settings)
        reconciler = Reconciler(self.settings)
        stack.callback(reconciler.stop)
        reconciler.start()  # at once: what an earlier platform left behind need not wait for workers
        if listener is not None:  # with the cores for itself: people wait for the first page
            self._start_group([_web_server(self.settings, web_server.command(listener), listener.fileno())])
        self._start_group([_worker(self.settings, queue) for queue in QUEUES])

    def _start_group(self, specs: list[ProcessSpec]) -> None:
        group: list[ManagedProcess] = []
        self._groups.append(group)
        group.extend(ManagedProcess(spec) for spec in specs)
        for process in group:
            process.wait_until_ready()

    def _stop(self) -> None:
        """Stop the processes, those that need others first; an interrupt while waiting ends all of them at once."""
        try:
            for group in reversed(self._groups):
                _stop_group(group)
        except KeyboardInterrupt:
            self.say("Stopping at once.")
        finally:
            for process in reversed(self.processes):
                process.kill()
            self._groups.clear()


def run(platform: Platform) -> None:
    """Run the platform until Ctrl-C or SIGTERM.

    Raises:
        DeepLabError: if it cannot be started.
    """
    with stop_signals_interrupt(), suppress(KeyboardInterrupt):
        with platform:
            platform.say(platform.greeting())
            with suppress(KeyboardInterrupt):
                while True:
                    platform.restart_dead()
                    time.sleep(1)
            platform.say("Stopping; running jobs save a checkpoint first. Ctrl-C again stops them at once.")
        platform.say("Stopped.")


@contextmanager
def stop_signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and a closed terminal raise KeyboardInterrupt inside the block, as Ctrl-C does."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    with signals_handled(interrupt, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
        yield


def _stop_group(group: list[ManagedProcess]) -> None:
    for process in group:
        process.ask_to_stop()
    asked_at = time.monotonic()
    for process in group:
        process.wait(asked_at + process.spec.stop_seconds - time.monotonic())
    for process in group:
        process.kill()


def _broker(settings: Settings) -> ProcessSpec:
    return ProcessSpec(
        name="broker",
        command=valkey.server_command(settings),
        log=storage.logs_dir(settings) / "broker.log",
        environment=settings.environment(),
        is_ready=lambda: valkey.answers(settings),
    )


def _worker(settings: Settings, queue: str) -> ProcessSpec:
    return ProcessSpec(
        name=f"{queue} worker",
        command=[sys.executable, "-P", "-m", "worker.cli", "worker", "start", "--queue", queue],
        log=storage.logs_dir(settings) / f"{queue}-worker.log",
        environment=settings.environment(),
        stop_seconds=_WORKER_STOP_SECONDS,
    )


def _web_server(settings: Settings, command: list[str], listener_fd: int) -> ProcessSpec:
    return ProcessSpec(
        name="web server",
        command=command,
        log=storage.logs_dir(settings) / "web.log",
        environment=settings.environment(),
        is_ready=lambda: web_server.answers(settings),
        inherited_fds=(listener_fd,),
    )
