"""Progress of a local verb, and its end when somebody stops it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from deeplab.errors import DeepLabError
from deeplab.processes import is_main_process
from deeplab.reporter import Stopped
from worker.cli.console import ConsoleReporter

_INTERRUPTED = 130  # as a shell reports Ctrl-C


@contextmanager
def console(how_to_continue: Callable[[ConsoleReporter], str]) -> Iterator[ConsoleReporter]:
    """Show progress inside the block. If it is stopped, say how to continue and exit with 130.

    Of several processes only the main one says anything; its failures are those of all.

    Args:
        how_to_continue: makes the sentence; the reporter knows the last checkpoint.
    """
    speaks = is_main_process()
    reporter = ConsoleReporter(silent=not speaks)
    try:
        with reporter:
            yield reporter
    except Stopped as stopped:
        if speaks:
            click.echo(f"{str(stopped) or 'Stopped.'} {how_to_continue(reporter)}", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from stopped
    except DeepLabError as error:
        if speaks:
            raise
        raise click.exceptions.Exit(1) from error
