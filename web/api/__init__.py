"""The JSON API and its addresses, under /api/v1."""

from flask import Blueprint

from web.api.description import WHOLE, show_documentation

blueprint = Blueprint("api", __name__)
for _endpoint in WHOLE:
    blueprint.add_url_rule(
        _endpoint.rule, endpoint=_endpoint.name, view_func=_endpoint.as_view(), methods=[_endpoint.method]
    )
blueprint.add_url_rule("/docs", view_func=show_documentation)
