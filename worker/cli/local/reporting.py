"""Progress of a local verb, and its end when somebody stops it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from deeplab.console import ConsoleReporter
from deeplab.reporter import Stopped

_INTERRUPTED = 130  # as a shell reports Ctrl-C


@contextmanager
def console(how_to_continue: Callable[[ConsoleReporter], str]) -> Iterator[ConsoleReporter]:
    """Show progress inside the block. If it is stopped, say how to continue and exit with 130.

    Args:
        how_to_continue: makes the sentence; the reporter knows the last checkpoint.
    """
    reporter = ConsoleReporter()
    try:
        with reporter:
            yield reporter
    except Stopped as stopped:
        click.echo(f"{str(stopped) or 'Stopped.'} {how_to_continue(reporter)}", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from stopped
