"""What machines ask the web server: whether it lives, whether the platform is ready, and its numbers."""

import logging
from typing import Any

from flask import Blueprint, Response, jsonify
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from web.context import current_settings, reading
from worker.jobs.operations.exposition import render_metrics
from worker.jobs.operations.readiness import check_readiness

_log = logging.getLogger(__name__)
blueprint = Blueprint("probes", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, Any]:
    """Whether this process lives; it asks nobody else."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> Response:
    """Whether database, revision, broker and storage answer; 503 if one does not. Why not is in the log."""
    checks = check_readiness(current_settings())
    for check in checks:
        if check.problem is not None:
            _log.warning("Not ready: %s: %s", check.name, check.problem)
    ready = all(check.ok for check in checks)
    answered = {check.name: {"ok": check.ok, "milliseconds": round(1000 * check.seconds, 1)} for check in checks}
    response = jsonify(status="ready" if ready else "not ready", checks=answered)
    response.status_code = 200 if ready else 503
    return response


@blueprint.get("/metrics")
def metrics() -> Response:
    """What the platform does, in numbers, for Prometheus."""
    with reading() as session:
        text = render_metrics(session, current_settings())
    return Response(text, content_type=CONTENT_TYPE_LATEST)
