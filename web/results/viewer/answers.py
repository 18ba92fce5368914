"""What the viewer's page and scripts are sent, whatever the images are of."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, abort, request

from deeplab.errors import DeepLabError
from deeplab.files import printable
from deeplab.images.palette import Colours
from web.access.delivery import keep, needs_body
from web.access.turns import NoTurnError
from web.context import current_settings
from web.results.distinct_colours import distinct_colours
from web.results.viewer.layers import Layer
from web.results.viewer.pyramids import TILE
from web.results.viewer.tile_cache import load_tile
from web.results.viewer.viewing import Shown, View


def page_data(
    view: View, names: Sequence[str], colours: Colours, ignore: int, address: Callable[[Shown], str]
) -> dict[str, Any]:
    """What the scripts of the page need to know.

    Args:
        view: what can be shown.
        names: of the classes.
        colours: of the classes.
        ignore: the value of pixels without a class.
        address: of the tile 0/0/0 of a layer.
    """
    return {
        "tile": TILE,
        "height": view.size[0] if view.size else 0,
        "width": view.size[1] if view.size else 0,
        "layers": [
            {
                "id": shown.id,
                "title": shown.title,
                "tiles": address(shown).removesuffix("0/0/0"),
                "version": shown.layer.version,
            }
            for shown in view.shown
        ],
        "names": list(names),
        "ignore": ignore,
        "colours": [bytes(colour).hex() for colour in colours],
        "distinct": [bytes(colour).hex() for colour in distinct_colours()],
    }


def send_tile(find: Callable[[], Layer | None], path: str, level: int, row: int, column: int) -> Response:
    """Send a tile of a layer; with the layer's version in ?v= a browser may keep it for ever.

    Args:
        find: finds the layer.
        path: what sentences call the image.
        level: of the pyramid.
        row: of the tile.
        column: of the tile.

    Raises:
        NotFound: if there is no such layer or tile.
        NoTurnError: if others wait for pictures, too.
    """
    try:
        found = find()
        if found is None:
            abort(404, f"{printable(path)} has no such layer.")
        response = Response(mimetype=found.form.mimetype)
        response.set_etag(f"{found.version}-{level}-{row}-{column}")
        response.cache_control.private = True
        if request.args.get("v") == found.version:
            keep(response)
        else:
            response.cache_control.no_cache = True
        if needs_body(response):
            content = load_tile(current_settings(), found, level, row, column)
            response.set_data(content if content is not None else abort(404, "The image has no such tile."))
    except NoTurnError:  # which the script asks again after
        raise
    except DeepLabError as error:  # a script reads it, and shows the sentence
        return Response(str(error), 422, mimetype="text/plain")
    return response
