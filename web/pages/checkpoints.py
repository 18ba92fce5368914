"""The lists of checkpoints and evaluations."""

from flask import render_template

from web.context import reading
from worker.jobs.database import read_clock
from worker.jobs.records import checkpoints, evaluations

_LIMIT = 200  # lines of a table


def list_checkpoints() -> str:
    """Show the newest checkpoints, and below them the newest evaluations."""
    with reading() as session:
        return render_template(
            "checkpoints.html",
            checkpoints=checkpoints.list_checkpoints(session, limit=_LIMIT),
            evaluations=evaluations.list_evaluations(session, limit=_LIMIT),
            limit=_LIMIT,
            now=read_clock(session),
        )
