"""The images of a registered dataset: the gallery, pictures, and the viewer."""

from flask import Response, abort, current_app, render_template, request, url_for

from deeplab.images.bands import AS_TAGGED
from web.context import reading
from web.pages.paging import read_number
from web.results import dataset_images
from web.results.dataset_images import Named, SplitImage, find_image, find_split
from web.results.images import send_image, send_truth
from web.results.viewer.answers import page_data, send_tile
from web.results.viewer.layers import find_layer
from web.results.viewer.viewing import Beside, Shown, view_of_split

_LONGEST_SEARCH = 200  # characters


def list_dataset_images(name: str, split: str) -> str:
    """Show a page of the images of a split; ?search= chooses by id, ?first= says where the page begins."""
    search = _search()
    with reading() as session:
        dataset, ref = find_split(session, name, split)
        names = dataset_images.class_names(session, dataset)
    problem = dataset_images.describe_problem(ref)
    found = [] if problem else dataset_images.list_images(ref, search)
    limit: int = current_app.config["IMAGES_PER_PAGE"]
    first = min(read_number("first"), max(0, len(found) - 1)) // limit * limit
    return render_template(
        "dataset_images.html",
        dataset=dataset,
        split=split,
        names=names,
        problem=problem,
        search=search,
        images=found[first : first + limit],
        first=first,
        limit=limit,
        n_images=len(found),
    )


def show_dataset_image(name: str, split: str, key: str) -> str:
    """Show an image in the viewer, under its ground truth."""
    image = find_image(name, split, key)
    with reading() as session:
        names = dataset_images.class_names(session, image.dataset)
    view = view_of_split(image.files)
    classes, problem = dataset_images.count_classes(image, names)
    ignore = image.section.IGNORE_LABEL
    data = page_data(view, names, image.colours, ignore, lambda shown: _address(image, key, shown))
    search = _search()
    return render_template(
        "dataset_image.html",
        dataset=image.dataset,
        split=split,
        name=image.id,
        view=view,
        problems=[*view.problems, *([problem] if problem else [])],
        choices=view.choices,
        data={**data, "usual": "truth", "cell": None},
        classes=classes,
        beside=_beside(dataset_images.list_images(image.split, search), key),
        search=search,
    )


def dataset_tile(name: str, split: str, key: str, layer: str, level: int, row: int, column: int) -> Response:
    """Send a tile of a layer, image or truth."""
    image = find_image(name, split, key)
    return send_tile(lambda: find_layer(image.files, layer), image.id, level, row, column)


def dataset_image(name: str, split: str, key: str) -> Response:
    """Send the image, at most ?size= pixels a side."""
    path = find_image(name, split, key).files.image
    return send_image(path, AS_TAGGED) if path is not None else abort(404)


def dataset_truth(name: str, split: str, key: str) -> Response:
    """Send the ground truth in the colours of the classes, at most ?size= pixels a side."""
    found = find_image(name, split, key)
    files = found.files
    if files.truth is None or files.image is None:
        abort(404, "This image has no mask.")
    read = files.truth.read
    return send_truth(
        [files.image, files.truth.path],
        files.truth.parameters,
        lambda: read().label_map,
        found.colours,
        found.section.IGNORE_LABEL,
    )


def _search() -> str:
    return request.args.get("search", "").strip()[:_LONGEST_SEARCH]


def _address(image: SplitImage, key: str, shown: Shown) -> str:
    name, split, layer = image.dataset.name, image.split.name, shown.layer.name
    return url_for("pages.dataset_tile", name=name, split=split, key=key, layer=layer, level=0, row=0, column=0)


def _beside(images: list[Named], key: str) -> Beside:
    place = next((place for place, each in enumerate(images) if each.key == key), None)
    if place is None:
        return Beside(None, None, None, len(images))
    previous = images[place - 1].key if place else None
    following = images[place + 1].key if place + 1 < len(images) else None
    return Beside(previous, following, place, len(images))
