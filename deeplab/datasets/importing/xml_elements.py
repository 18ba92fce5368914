"""Read XML element by element, in memory that does not grow with what is skipped. Torch-free."""

from collections.abc import Callable, Mapping
from pathlib import Path
from xml.parsers import expat

from deeplab.confinement import require_readable
from deeplab.datasets.importing.files import require_bounded
from deeplab.errors import DatasetError
from deeplab.files import printable, reason_of

_DEEPEST = 100  # elements within each other

Attributes = Mapping[str, str]


def read_elements(
    path: Path,
    begin: Callable[[tuple[str, ...], Attributes], None],
    end: Callable[[tuple[str, ...], str], None],
) -> None:
    """Call `begin` with the path of each element, and its attributes, and `end` with the path and its own text.

    Raises:
        DatasetError: if the file cannot be read, is no XML, or declares entities, which can blow a small file up.
    """
    open_elements: list[str] = []
    texts: list[list[str]] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        open_elements.append(name)
        texts.append([])
        if len(open_elements) > _DEEPEST:
            raise ValueError(f"has more than {_DEEPEST} elements within each other")
        begin(tuple(open_elements), attributes)

    def stop(_name: str) -> None:
        end(tuple(open_elements), "".join(texts.pop()))
        open_elements.pop()

    def refuse(*_declaration: object) -> None:
        raise ValueError("declares a document type, which no export needs")

    parser.StartElementHandler, parser.EndElementHandler = start, stop
    parser.CharacterDataHandler = lambda text: texts[-1].append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        require_readable(path)
        require_bounded(path)
        with path.open("rb") as file:
            parser.ParseFile(file)
    except (OSError, ValueError, expat.ExpatError) as error:
        raise DatasetError(f"{printable(path)}: the annotations cannot be read: {reason_of(error)}.") from error
