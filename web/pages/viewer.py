"""The viewer: one image of a job under what the job, and others, say of it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Response, render_template, request, url_for

from web.context import current_settings, reading
from web.pages.tries import SLIDERS
from web.pages.videos import show_video
from web.results.lookup import find_image
from web.results.viewer.answers import page_data, send_tile
from web.results.viewer.class_rows import list_classes
from web.results.viewer.image_files import find_files
from web.results.viewer.layers import find_layer
from web.results.viewer.partners import Labelled, list_partners
from web.results.viewer.viewing import Beside, Shown, View, choices_of, view_of
from worker.jobs.catalog import parse_integer
from worker.jobs.results.answers import ClassInImage
from worker.jobs.results.job_files import class_colours, class_names
from worker.jobs.results.opening import open_results
from worker.jobs.results.questions import read_question


def show_image(job_id: int, key: str) -> str:
    """Show one image with its layers, or a video.

    ?b= is a job to compare with; other arguments say among which images this one is.
    """
    question = read_question(request.args.to_dict(flat=False))
    settings = current_settings()
    labelled = Labelled(*find_image(job_id, key))
    with reading() as session:
        results = open_results(settings, labelled.job)
        beside = Beside(*results.beside(key, question.wanted, question.sort), results.count(question.wanted))
        if labelled.image.frames is not None:
            return show_video(labelled, results.classes_in(labelled.image), beside, question.as_args())
        view = view_of(session, settings, labelled, parse_integer(request.args.get("b", "")))
        names = class_names(settings, labelled.job)
        return render_template(
            "viewer.html",
            job=labelled.job,
            image=labelled.image,
            view=view,
            choices=choices_of(view, question.wanted.cell, names),
            data={
                **_as_json(view, names, labelled),
                "cell": question.wanted.cell,
                "first": "crf" if labelled.job.kind == "try" and labelled.job.spec["crf"] else "a",
            },
            classes=list_classes(labelled.job, results.classes_in(labelled.image), _classes_of(view.partner), names),
            partners=list_partners(session, labelled.job, view.path),
            beside=beside,
            filters=question.as_args(),
            sliders=SLIDERS,
            b=None if view.partner is None else view.partner.job.id,
        )


def tile(job_id: int, key: str, layer: str, level: int, row: int, column: int) -> Response:
    """Send a tile of a layer; with the layer's version in ?v= a browser may keep it for ever."""
    labelled = Labelled(*find_image(job_id, key))
    with reading() as session:
        files = find_files(session, current_settings(), labelled.job, labelled.image)
    return send_tile(lambda: find_layer(files, layer), labelled.image.path, level, row, column)


def _classes_of(partner: Labelled | None) -> Sequence[ClassInImage]:
    return open_results(current_settings(), partner.job).classes_in(partner.image) if partner else []


def _as_json(view: View, names: Sequence[str], labelled: Labelled) -> dict[str, Any]:
    """What the scripts of the page need to know."""
    ignore = labelled.job.config["DATASET"]["IGNORE_LABEL"]
    return page_data(view, names, class_colours(labelled.job), ignore, partial(_address, labelled))


def _address(labelled: Labelled, shown: Shown) -> str:
    of = shown.of or labelled
    return url_for("pages.tile", job_id=of.job.id, key=of.image.key, layer=shown.layer.name, level=0, row=0, column=0)
