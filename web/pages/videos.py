"""Files that a segment job has made of a video."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, abort, render_template, request, send_file

from deeplab import remote
from deeplab.files import printable
from web.context import current_settings
from web.results.classes import class_shares
from web.results.films import Film, film_of, frame_at
from web.results.lookup import find_image
from web.results.viewer.partners import Labelled
from web.results.viewer.viewing import Beside
from worker.jobs.catalog import parse_integer
from worker.jobs.jobs import Job
from worker.jobs.results.answers import ClassInImage, Image
from worker.jobs.results.job_files import class_colours, class_names


def show_video(
    labelled: Labelled, classes: Sequence[ClassInImage], beside: Beside, filters: Mapping[str, object]
) -> str:
    """Show one video with its classes and links to its neighbours; ?frame= is a place among its masks."""
    job, image = labelled.job, labelled.image
    pixels = {each.index: each.pixels for each in classes}
    return render_template(
        "video.html",
        job=job,
        row=image,
        key=image.key,
        beside=beside,
        shares=class_shares(pixels, class_names(current_settings(), job), class_colours(job)),
        filters=filters,
        **_film(job, image),
    )


def video(job_id: int, key: str) -> Response:
    """Send the labelled video of an item, part by part as a player asks; with ?download=1 as a file to save."""
    film, name = _find_film(job_id, key)
    if film.video is None:
        abort(404, f"{name} has no labelled video.")
    as_download = "download" in request.args
    return send_file(
        remote.fetch(film.video), "video/mp4", as_attachment=as_download, download_name=printable(film.video.name)
    )


def frames(job_id: int, key: str) -> Response:
    """Send the table of a video's frames."""
    film, _ = _find_film(job_id, key)
    return send_file(remote.fetch(film.table), "text/csv", as_attachment=True, download_name=printable(film.table.name))


def _find_film(job_id: int, key: str) -> tuple[Film, str]:
    job, image = find_image(job_id, key)
    film = film_of(current_settings(), job, image)
    name = printable(image.path)
    return (film, name) if film is not None else abort(404, f"{name} is no video, or nothing was made of it.")


def _film(job: Job, image: Image) -> dict[str, Any]:
    """What the page of an item shows of a video: its files, and a frame with its place among those with a mask."""
    film = film_of(current_settings(), job, image)
    shows_frame = film is not None and film.has_masks and ("frame" in request.args or film.video is None)
    if film is None or not shows_frame:
        return {"film": film, "frame": None}
    place = parse_integer(request.args.get("frame", "0"))
    frame = None if place is None else frame_at(film, place)
    return {"film": film, "place": place, "frame": frame or abort(404, "This video has no such frame.")}
