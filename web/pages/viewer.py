"""The viewer: one image of a job under what the job, and others, say of it."""

from collections.abc import Sequence
from typing import Any

from flask import Response, abort, render_template, request, url_for

from deeplab.errors import DeepLabError
from deeplab.files import printable
from web.access.delivery import keep, needs_body
from web.access.turns import NoTurnError
from web.context import current_settings, reading
from web.pages.tries import SLIDERS
from web.pages.videos import show_video
from web.results.distinct_colours import distinct_colours
from web.results.lookup import find_image
from web.results.viewer.class_rows import list_classes
from web.results.viewer.image_files import find_files
from web.results.viewer.layers import find_layer
from web.results.viewer.partners import Labelled, list_partners
from web.results.viewer.pyramids import TILE
from web.results.viewer.tile_cache import load_tile
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
    settings = current_settings()
    labelled = Labelled(*find_image(job_id, key))
    with reading() as session:
        files = find_files(session, settings, labelled.job, labelled.image)
    try:
        found = find_layer(files, layer)
        if found is None:
            abort(404, f"{printable(labelled.image.path)} has no such layer.")
        response = Response(mimetype=found.form.mimetype)
        response.set_etag(f"{found.version}-{level}-{row}-{column}")
        response.cache_control.private = True
        if request.args.get("v") == found.version:
            keep(response)
        else:
            response.cache_control.no_cache = True
        if needs_body(response):
            content = load_tile(settings, found, level, row, column)
            response.set_data(content if content is not None else abort(404, "The image has no such tile."))
    except NoTurnError:  # which the script asks again after
        raise
    except DeepLabError as error:  # a script reads it, and shows the sentence
        return Response(str(error), 422, mimetype="text/plain")
    return response


def _classes_of(partner: Labelled | None) -> Sequence[ClassInImage]:
    return open_results(current_settings(), partner.job).classes_in(partner.image) if partner else []


def _as_json(view: View, names: Sequence[str], labelled: Labelled) -> dict[str, Any]:
    """What the scripts of the page need to know."""
    colours = class_colours(labelled.job)
    return {
        "tile": TILE,
        "height": view.size[0] if view.size else 0,
        "width": view.size[1] if view.size else 0,
        "layers": [_layer(shown) for shown in view.shown],
        "names": list(names),
        "ignore": labelled.job.config["DATASET"]["IGNORE_LABEL"],
        "colours": [bytes(colour).hex() for colour in colours],
        "distinct": [bytes(colour).hex() for colour in distinct_colours()],
    }


def _layer(shown: Shown) -> dict[str, str]:
    of = shown.of
    address = url_for(
        "pages.tile", job_id=of.job.id, key=of.image.key, layer=shown.layer.name, level=0, row=0, column=0
    )
    return {
        "id": shown.id,
        "title": shown.title,
        "tiles": address.removesuffix("0/0/0"),
        "version": shown.layer.version,
    }
