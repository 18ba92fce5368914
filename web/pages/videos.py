"""Files that a segment job has made of a video."""

from flask import Response, abort, request, send_file

from deeplab.files import printable
from web.context import current_settings
from web.results.films import Film, film_of
from web.results.lookup import find_image


def video(job_id: int, key: str) -> Response:
    """Send the labelled video of an item, part by part as a player asks; with ?download=1 as a file to save."""
    film, name = _find_film(job_id, key)
    if film.video is None:
        abort(404, f"{name} has no labelled video.")
    as_download = "download" in request.args
    return send_file(film.video, "video/mp4", as_attachment=as_download, download_name=printable(film.video.name))


def frames(job_id: int, key: str) -> Response:
    """Send the table of a video's frames."""
    film, _ = _find_film(job_id, key)
    return send_file(film.table, "text/csv", as_attachment=True, download_name=printable(film.table.name))


def _find_film(job_id: int, key: str) -> tuple[Film, str]:
    job, image = find_image(job_id, key)
    film = film_of(current_settings(), job, image)
    name = printable(image.path)
    return (film, name) if film is not None else abort(404, f"{name} is no video, or nothing was made of it.")
