"""What jobs take of the disk, and what of it may go."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from deeplab.formats import size
from deeplab.room import find_free_bytes
from web.context import current_settings, reading
from worker.jobs.cleaning import leftovers, usage

_SECONDS = 3.0  # that a page adds up files for
_LARGEST = 50  # jobs that are shown


def show_disk() -> str:
    """Show what the folders of jobs take; ?look=1 also lists what may go."""
    settings = current_settings()
    with reading() as session:
        measured = usage.measure(session, settings, _SECONDS)
    looks = request.args.get("look") == "1"
    return render_template(
        "disk.html",
        usage=measured,
        largest=measured.jobs[:_LARGEST],
        free=find_free_bytes(settings.home),
        home=settings.home,
        leftovers=leftovers.find_leftovers(settings) if looks else None,
    )


def clean_up() -> Response:
    """Delete what nothing refers to."""
    settings = current_settings()
    freed = leftovers.remove(settings, leftovers.find_leftovers(settings))
    flash(f"Deleted what nothing refers to: {size(freed)} are free again.", "success")
    return redirect(url_for("pages.show_disk"))
