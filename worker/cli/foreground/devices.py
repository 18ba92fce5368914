"""Run a command in several processes, one for each device: torchrun without its reports and tracebacks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

from deeplab.formats import plural
from deeplab.processes import n_cpus, signals_handled
from worker.platform.launch import command_line

F = TypeVar("F", bound=Callable[..., Any])

ALL = "all"
_ARGUMENTS = f"{__name__}.arguments"  # key of click's notes on a call
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_SECONDS = 0.1  # between two looks at the processes
_GRACE_SECONDS = 60.0  # from the first failure until the others, which learn of it by themselves, are killed


class DeviceCommand(click.Command):
    """A command that several processes can run together; it remembers its arguments for them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the arguments before they are parsed."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


class _Count(click.ParamType[int | str]):
    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        text = str(value)
        if text == ALL:
            return text
        if not text.isdecimal() or int(text) < 1:
            self.fail(f"{text!r} is neither a number of devices nor 'all'.", param, ctx)
        return int(text)


def devices_option(command: F) -> F:
    """`--devices`, received as `devices`; for a `DeviceCommand`."""
    return click.option(
        "--devices",
        type=_Count(),
        metavar="N|all",
        help="How many GPUs to use, each by a process of its own; with --cpu, how many processes share the CPU."
        "  [default: all visible GPUs]",
    )(command)


def is_shared_out(devices: int | str | None, device: str, batch_size: int | None = None) -> bool:
    """Run the command of this call in several processes, if it asks for that; return whether that was done.

    Args:
        devices: what `--devices` says; None: all GPUs that are visible, as far as they can share the batch.
        device: what `--device` says.
        batch_size: images that the processes must share equally; None: they share images one by one.

    Raises:
        click.UsageError: if there are fewer devices, or `device` names one of them.
        click.exceptions.Exit: if the processes failed or were stopped, with their exit code.
    """
    from torch import distributed

    if distributed.is_torchelastic_launched():  # this is one of the processes
        return False
    n = _choose_number(devices, device, batch_size)
    if n == 1:
        return False
    context = click.get_current_context()
    code = run_in_processes(n, [str(context.info_name), *context.meta[_ARGUMENTS]])
    if code:
        raise click.exceptions.Exit(code)
    return True


def _choose_number(devices: int | str | None, device: str, batch_size: int | None) -> int:
    import torch

    n_gpus = 0 if device == "cpu" else torch.cuda.device_count()
    names_one = device.startswith("cuda:")
    if devices is None:
        return 1 if names_one or n_gpus < 2 else _share_equally(n_gpus, batch_size)
    if devices == 1:
        return 1
    if names_one:
        raise click.UsageError(f"--device {device} names one device; leave out --devices or name no device.")
    if devices == ALL:
        if n_gpus == 0:
            raise click.UsageError("--devices all is for GPUs, of which none is used; give a number of processes.")
        return n_gpus
    if n_gpus and int(devices) > n_gpus:
        raise click.UsageError(f"--devices {devices}: only {plural(n_gpus, 'GPU')} can be seen.")
    return int(devices)


def _share_equally(n_gpus: int, batch_size: int | None) -> int:
    """Take as many GPUs as can share a batch equally, and say which choice was made."""
    if batch_size is None or batch_size % n_gpus == 0:
        click.echo(f"Using all {n_gpus} GPUs; --devices 1 uses one.", err=True)
        return n_gpus
    n = max(number for number in range(1, n_gpus) if batch_size % number == 0)
    click.echo(
        f"Using {n} of {n_gpus} GPUs: SOLVER.BATCH_SIZE.TRAIN, {batch_size}, is no multiple of {n_gpus}.",
        err=True,
    )
    return n


def run_in_processes(n: int, arguments: Sequence[str]) -> int:
    """Run `deeplab` with some arguments in `n` processes that know of each other; return their exit code.

    SIGINT and SIGTERM reach all of them. When one fails, the others have a minute to end by themselves.
    """
    from deeplab.distributed import open_meeting

    _meeting, world = open_meeting(n)
    environment = {"OMP_NUM_THREADS": str(max(1, n_cpus() // n))} | os.environ | world
    command = command_line([sys.executable, "-P", "-m", "worker.cli", *arguments])
    processes: list[subprocess.Popen[bytes]] = []
    with _passed_on_signals(processes):
        try:
            for rank in range(n):
                own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                # In sessions of their own: a terminal's Ctrl-C comes to them from here, once.
                processes.append(subprocess.Popen(command, env=environment | own, start_new_session=True))
            _wait(processes)
            codes = [process.poll() for process in processes]
        finally:
            for process in processes:
                process.kill()  # does nothing to those that have ended
                process.wait()
    return _exit_code(codes)


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until all have ended, or for a while after one has failed."""
    deadline = None
    while any(process.poll() is None for process in processes):
        if deadline is None and any(process.returncode for process in processes):
            deadline = time.monotonic() + _GRACE_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(_LOOK_SECONDS)


def _exit_code(codes: Sequence[int | None]) -> int:
    """Return the exit code of all, and name those that died without a word.

    Args:
        codes: of the processes; negative: ended by that signal; None: it did not end by itself.
    """
    for number, code in enumerate(codes, start=1):
        if code is not None and code < 0 and -code not in _SIGNALS:
            reason = ", perhaps for lack of memory" if code == -signal.SIGKILL else ""
            click.echo(f"Process {number} of {len(codes)} was ended by signal {-code}{reason}.", err=True)
    failures = [1 if code is None or code < 0 else code for code in codes if code != 0]
    return failures[0] if failures else 0


@contextmanager
def _passed_on_signals(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Inside the block, pass signals to stop on to the processes, which decide what to do."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        for process in processes:
            process.send_signal(number)

    with signals_handled(pass_on, _SIGNALS):
        yield
