"""Read again after an error that may pass, as those of a network disk do. Torch-free."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from deeplab.errors import DeepLabError
from deeplab.passing_errors import may_pass

Item = TypeVar("Item")

PAUSES = (1.0, 3.0)  # seconds before the second and the third try

_log = logging.getLogger(__name__)


def read_patiently(read: Callable[[], Item], pauses: Sequence[float] = PAUSES) -> Item:
    """Call a function that reads files; after an error that may pass call it again, once after each pause.

    Raises:
        DeepLabError: of the last call; an error of another kind, such as a damaged file, is raised at once.
    """
    for pause in pauses:
        try:
            return read()
        except DeepLabError as error:
            if not may_pass(error):
                raise
            _log.warning("%s Trying again in %g s.", error, pause)
            time.sleep(pause)
    return read()
