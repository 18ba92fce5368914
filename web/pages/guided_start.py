"""The guided start: two folders, a look at what is in them, a preset, and a training begins."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.actions.guided_start import make_dataset
from web.context import current_settings, reading, signed_in
from web.forms.errors import as_sentence
from web.results.samples import look
from worker.jobs import datasets, presets, workers
from worker.jobs.presets import Preset
from worker.jobs.requests.spec_error import SpecError

_TITLES = {"images": "Images", "masks": "Masks", "name": "Name"}


def begin() -> str:
    """Ask for the folders."""
    with reading() as session:
        known = datasets.list_datasets(session)
    return render_template("start.html", values={}, errors={}, datasets=known)


def choose_folders() -> str | Response | tuple[str, int]:
    """Register a dataset of both folders and go on, or show the form again with errors beside the fields."""
    values = {name: request.form.get(name, "").strip() for name in _TITLES}
    try:
        dataset, notes = make_dataset(current_settings(), values, user_id=signed_in().user_id)
    except SpecError as error:
        errors = {name: as_sentence(_TITLES.get(name, name), text) for name, text in error.fields.items()}
        return render_template("start.html", values=values, errors=errors, datasets=[]), 422
    for note in notes:
        flash(note, "warning")
    return redirect(url_for("pages.look_and_start", name=dataset.name))


def look_and_start(name: str) -> str:
    """Show ten images of a dataset under their masks, what is wrong with them, and the presets fitted to it."""
    settings, user_id = current_settings(), signed_in().user_id
    with reading() as session:
        dataset = datasets.get_by_name(session, name)
        known = presets.list_presets(session, user_id)
        has_gpu = any(worker.gpus for worker in workers.list_alive(session, "gpu"))
    config = datasets.config_of(dataset)
    split = config.DATASET.SPLIT.TRAIN if config.DATASET.SPLIT.TRAIN in dataset.splits else next(iter(dataset.splits))
    fitted = [presets.fit_preset(settings, each, name) for each in known]
    return render_template(
        "look_and_start.html",
        dataset=dataset,
        look=look(config, split),
        split=split,
        presets=[(each, _settings_of(each)) for each in fitted],
        chosen=next((each.name for each in fitted if each.needs_gpu == has_gpu), fitted[0].name),
        has_gpu=has_gpu,
    )


def _settings_of(preset: Preset) -> str:
    """What was fitted, in a line."""
    titles = {"IMAGE.SIZE.TRAIN": "crop", "SOLVER.BATCH_SIZE.TRAIN": "batch"}
    values = dict(each.split("=", 1) for each in preset.overrides)
    said = [f"{title} {values[key]}" for key, title in titles.items() if key in values]
    return ", ".join(["mean colour of these images", *said] if "IMAGE.MEAN.R" in values else said)
