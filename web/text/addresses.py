"""Addresses that differ from that of the page in their query."""

from urllib.parse import urlencode

from flask import request


def change_query(**changes: object) -> str:
    """The query of this page with some parameters changed, "?job=3&sort=name"; None takes one away.

    A parameter that occurs several times, such as ?job=3&job=5, is kept as it is, or replaced by a list.
    """
    parameters = {name: request.args.getlist(name) for name in request.args}
    for name, value in changes.items():
        parameters[name] = (
            [] if value is None else [str(each) for each in value] if isinstance(value, list) else [str(value)]
        )
    return f"?{urlencode(parameters, doseq=True)}"
