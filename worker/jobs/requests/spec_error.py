"""The error of a request that cannot be fulfilled as it is."""

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from deeplab.errors import DeepLabError


class SpecError(DeepLabError):
    """A request that cannot become a job; `fields` maps each wrong field to a sentence.

    `paths` are where in the field it is wrong, of those that hold more than one value: ("overrides", 3).
    """

    between: ClassVar[str] = ": "  # what stands between a field and its sentence

    def __init__(self, fields: Mapping[str, str], paths: Mapping[str, Sequence[str | int]] | None = None) -> None:
        self.fields = dict(fields)
        self._paths = dict(paths or {})
        super().__init__(" ".join(f"{name}{self.between}{sentence}" for name, sentence in self.fields.items()))

    def pointer(self, name: str) -> str:
        """Where in the request a wrong field is, as a JSON pointer (RFC 6901): "#/overrides/3"."""
        path = self._paths.get(name, (name,))
        return "#/" + "/".join(quote(str(part).replace("~", "~0").replace("/", "~1")) for part in path)
