"""The filters and functions that templates use."""

from flask import Flask

from deeplab.crf.grid import as_overrides, as_text
from deeplab.files import printable
from deeplab.formats import duration
from deeplab.images.kinds import describe_passed_over
from web.text.describe import (
    conditions,
    dataset_title,
    error_text,
    evaluated_on,
    kind_title,
    outcome,
    parameter_title,
    parameters,
    progress,
    subject,
    waiting,
)
from web.text.formats import ago, as_yaml, clock_time, expiry, number, percent, plural, points, size
from worker.jobs.outcomes import ENDINGS
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.records.scores import describe_score
from worker.jobs.watching.reasons import reason


def register_templating(app: Flask) -> None:
    """Register formats as filters and descriptions of jobs as functions."""
    for format_value in (ago, as_yaml, clock_time, duration, expiry, number, percent, plural, points, size, printable):
        app.add_template_filter(format_value)
    app.add_template_filter(describe_passed_over, "passed_over")
    app.add_template_filter(CheckpointRef.parse, "checkpoint_ref")
    for describe_value in (as_overrides, as_text, conditions, dataset_title, error_text, kind_title, reason):
        app.add_template_filter(describe_value)
    app.add_template_filter(lambda name: ENDINGS[name].meaning, "meaning")
    for describe in (describe_score, evaluated_on, outcome, parameter_title, parameters, progress, subject, waiting):
        app.add_template_global(describe)
