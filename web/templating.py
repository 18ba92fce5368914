"""What every template can use."""

from flask import Flask

from deeplab.files import printable
from web.describe import model_name, outcome, subject
from web.formats import ago, as_yaml, clock_time, duration, number, percent, points, size


def register_templating(app: Flask) -> None:
    """Give the templates the formats as filters and the descriptions of jobs as functions."""
    for function in (ago, as_yaml, clock_time, duration, number, percent, points, size, printable):
        app.add_template_filter(function)
    for function in (model_name, outcome, subject):
        app.add_template_global(function)
