"""What the viewer shows of one image: the layers that exist, and sentences about those that do not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from deeplab.errors import DeepLabError
from deeplab.formats import dimensions
from web.results.classes import name_of
from web.results.viewer.image_files import ImageFiles, find_files
from web.results.viewer.layers import Layer, find_layer
from web.results.viewer.partners import Labelled, find_partner, find_refined
from worker.jobs.jobs import Job
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Shown:
    """A layer with the name under which the viewer knows it."""

    id: str  # image, truth, a, confidence; crf and b: label maps of other jobs
    title: str
    of: Labelled | None  # whose layer it is; None: of a dataset
    layer: Layer


@dataclass(frozen=True)
class View:
    """Everything that can be laid over one another."""

    shown: Sequence[Shown]
    size: tuple[int, int] | None  # height and width of the image; None if there is nothing to show
    problems: Sequence[str]  # a sentence for each thing that is missing
    partner: Labelled | None  # the job that was chosen to compare with
    path: Path | None  # the image's file

    @property
    def has_truth(self) -> bool:
        """Whether there is ground truth to compare with."""
        return any(each.id == "truth" for each in self.shown)

    @property
    def has_own_labels(self) -> bool:
        """Whether the job itself has a label map of the image."""
        return any(each.id == "a" for each in self.shown)

    @property
    def choices(self) -> list["Choice"]:
        """What a person can choose to see, in the order of its keys."""
        titles = {each.id: each.title for each in self.shown}
        found = [Choice("image", "Image only")] if "image" in titles else []
        found += [Choice(name, titles[name]) for name in ("a", "truth") if name in titles]
        found += [Choice("errors-a", "Errors")] if self.has_truth and "a" in titles else []
        found += [Choice("confidence", titles["confidence"])] if "confidence" in titles else []
        for name in ("crf", "b"):
            if name in titles:
                found.append(Choice(name, titles[name]))
                found += (
                    [Choice(f"errors-{name}", f"Errors of {titles[name][0].lower()}{titles[name][1:]}")]
                    if self.has_truth
                    else []
                )
        return found


@dataclass(frozen=True)
class Choice:
    """A layer, or a comparison of two, that can be laid over the image."""

    id: str
    title: str


def choices_of(view: View, cell: tuple[int, int] | None, names: Sequence[str]) -> list[Choice]:
    """List what a person can choose to see.

    Args:
        view: what there is.
        cell: true and predicted class of the confusion that the images are chosen by, whose pixels are then a choice.
        names: of the classes.
    """
    if cell is None or not (view.has_truth and view.has_own_labels):
        return view.choices
    true, predicted = (name_of(index, names) for index in cell)
    title = f"{true}, recognized" if cell[0] == cell[1] else f"{true} taken for {predicted}"
    return [*view.choices, Choice("confusion", title)]


@dataclass(frozen=True)
class Beside:
    """Where an image is among those that are asked for; None where it has no place or no neighbour."""

    previous: str | None  # keys
    following: str | None
    position: int | None  # from 0 on
    n_images: int


def view_of(session: Session, settings: Settings, labelled: Labelled, partner_id: int | None) -> View:
    """Find what there is to see of an image.

    Args:
        session: reads.
        settings: of the platform.
        labelled: the image, by its job.
        partner_id: of a job to compare with.
    """
    job, image = labelled.job, labelled.image
    files = find_files(session, settings, job, image)
    problems: list[str] = []
    partner = _partner(session, settings, labelled, files.image, partner_id, problems)
    shown = [
        *_own(labelled, files, problems),
        *_refined(session, settings, labelled, files.image, partner),
        *_compared(session, settings, partner, problems),
    ]
    if partner is not None and not any(each.id == "truth" for each in shown):
        theirs = find_files(session, settings, partner.job, partner.image)
        shown += _try("truth", "Ground truth", partner, theirs, "truth", problems)
    base = next((each for each in shown if each.id == "image"), shown[0] if shown else None)
    if base is None:
        return View([], None, problems, partner, files.image)
    fitting = [each for each in shown if each.layer.size == base.layer.size]
    problems += [_misfit(each, base) for each in shown if each.layer.size != base.layer.size]
    return View(fitting, base.layer.size, problems, partner, files.image)


def view_of_split(files: ImageFiles) -> View:
    """Find what there is to see of an image of a split, whatever jobs say of it."""
    problems: list[str] = []
    shown = [
        *_try("image", "Image", None, files, "image", problems),
        *_try("truth", "Ground truth", None, files, "truth", problems),
    ]
    return View(shown, shown[0].layer.size if shown else None, problems, None, files.image)


def _own(labelled: Labelled, files: ImageFiles, problems: list[str]) -> Iterator[Shown]:
    yield from _try("image", "Image", labelled, files, "image", problems)
    if labelled.image.status != "ok":
        return
    found = _try("a", "Prediction", labelled, files, "labels", problems)
    if not found and not problems:
        problems.append(_unsaved(labelled.job))
    yield from found
    yield from _try("truth", "Ground truth", labelled, files, "truth", problems)
    yield from _try("crf", "After CRF", labelled, files, "refined", problems)
    yield from _try("confidence", "Confidence", labelled, files, "confidence", problems)


def _refined(
    session: Session, settings: Settings, labelled: Labelled, path: Path | None, partner: Labelled | None
) -> Iterator[Shown]:
    """The same job's label map after the CRF, or before it; without a word where there is none."""
    other = find_refined(session, labelled.job)
    if other is None or (partner is not None and partner.job.id == other.id):
        return
    title = f"Job {other.id}, {'before' if labelled.job.kind == 'crf' else 'after'} CRF"
    try:
        found = find_partner(session, settings, labelled.job, labelled.image, path, other.id)
    except DeepLabError:
        return
    files = find_files(session, settings, other, found.image)
    yield from _try("crf", title, found, files, "labels", [])


def _compared(session: Session, settings: Settings, partner: Labelled | None, problems: list[str]) -> Iterator[Shown]:
    if partner is None:
        return
    files = find_files(session, settings, partner.job, partner.image)
    before = len(problems)
    found = _try("b", f"Job {partner.job.id}", partner, files, "labels", problems)
    if not found and len(problems) == before:
        problems.append(_unsaved(partner.job))
    yield from found


def _partner(
    session: Session,
    settings: Settings,
    labelled: Labelled,
    path: Path | None,
    partner_id: int | None,
    problems: list[str],
) -> Labelled | None:
    if partner_id is None:
        return None
    try:
        return find_partner(session, settings, labelled.job, labelled.image, path, partner_id)
    except DeepLabError as error:
        problems.append(str(error))
        return None


def _try(
    layer_id: str, title: str, of: Labelled | None, files: ImageFiles, name: str, problems: list[str]
) -> list[Shown]:
    """A layer, if it is there; what is wrong with it joins the problems."""
    try:
        layer = find_layer(files, name)
        if layer is None:
            return []
        layer.version  # noqa: B018  (fails if a file is gone)
        return [Shown(layer_id, title, of, layer)]
    except DeepLabError as error:
        problems.append(str(error))
        return []


def _unsaved(job: Job) -> str:
    if job.spec.get("save_masks", True):
        return f"The label map of this image by job {job.id} is gone."
    return f"Job {job.id} was told not to save its masks, so that there is no label map to show."


def _misfit(shown: Shown, base: Shown) -> str:
    of = f" of job {shown.of.job.id}" if shown.of else ""
    return (
        f"{shown.title}{of} is {dimensions(shown.layer.size)} pixels, but the image is"
        f" {dimensions(base.layer.size)}; it is not shown."
    )
