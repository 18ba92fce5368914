"""Which images of a job a person asks for, and in what order: the same for the gallery, the API and exports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.jobs.requests.spec_error import SpecError
from worker.jobs.results.filters import SORTS, Filter, parse_sort

FILTERS = (
    *("class", "in_truth", "min_share", "max_share", "true", "predicted", "name", "folder"),
    *("min_confidence", "max_confidence", "only"),
)
PARAMETERS = (*FILTERS, "sort", "cursor")
_LARGEST_CLASS = 255
_MOST_CLASSES = 8  # each is one more table to look into


@dataclass(frozen=True)
class Question:
    """What arguments of an address, or options of a command, ask for."""

    wanted: Filter
    sort: str
    cursor: str | None

    def as_args(self, **changes: object) -> dict[str, object]:
        """The question as the arguments of an address, without the cursor; a change to None leaves an argument out."""
        wanted = self.wanted
        true, predicted = wanted.cell or (None, None)
        args: dict[str, object] = {
            "class": list(wanted.classes) or None,
            "min_share": _percent(wanted.min_share),
            "max_share": _percent(wanted.max_share),
            "min_confidence": _percent(wanted.min_confidence),
            "max_confidence": _percent(wanted.max_confidence),
            "name": wanted.name or None,
            "folder": wanted.folder or None,
            "only": "errors" if wanted.status == "error" else None,
            "true": true,
            "predicted": predicted,
            "in_truth": 1 if wanted.in_truth else None,
            "sort": self.sort if self.sort != "name" else None,
            **changes,
        }
        return {name: value for name, value in args.items() if value is not None}


def read_question(args: Mapping[str, Sequence[str]]) -> Question:
    """Read arguments, each with all of its values; empty ones, which forms send, count as absent.

    Raises:
        SpecError: naming each argument that makes no sense.
        QuestionError: if the sort needs a class, or a cell, where none is named.
    """
    texts = {name: [value.strip() for value in values if value.strip()] for name, values in args.items()}
    given = {name: values[0] for name, values in texts.items() if values}
    read = _Reader(given)
    classes = tuple(dict.fromkeys(read.whole("class", text) for text in texts.get("class", ())))
    if len(classes) > _MOST_CLASSES:
        read.fields["class"] = f"may be given {_MOST_CLASSES} times at most."
    only = given.get("only")
    if only not in (None, "errors"):
        read.fields["only"] = f"must be errors, got {only!r}."
    wanted = Filter(
        status="error" if only else None,
        name=given.get("name", ""),
        folder=given.get("folder", "").strip("/"),
        classes=classes,
        min_share=read.share("min_share"),
        max_share=read.share("max_share"),
        min_confidence=read.share("min_confidence"),
        max_confidence=read.share("max_confidence"),
        in_truth="in_truth" in given,
        cell=read.cell(),
    )
    if wanted.main_class is None and (wanted.min_share is not None or wanted.max_share is not None):
        read.fields["class"] = "is required with a share, which is that of one class."
    return _checked(read, Question(wanted, given.get("sort", "name"), given.get("cursor")))


def _checked(read: "_Reader", question: Question) -> Question:
    if question.sort not in SORTS:
        read.fields["sort"] = f"must be one of {', '.join(SORTS)}, got {question.sort!r}."
    if read.fields:
        raise SpecError(read.fields)
    parse_sort(question.sort, question.wanted)
    return question


class _Reader:
    """Reads numbers, and collects what is wrong with them."""

    def __init__(self, args: Mapping[str, str]) -> None:
        self._args = args
        self.fields: dict[str, str] = {}

    def whole(self, name: str, text: str) -> int:
        """A class index."""
        if text.isascii() and text.isdigit() and int(text) <= _LARGEST_CLASS:
            return int(text)
        self.fields[name] = f"must be a class from 0 to {_LARGEST_CLASS}, got {text!r}."
        return 0

    def share(self, name: str) -> float | None:
        """A percentage, as a fraction; None if it is absent."""
        text = self._args.get(name)
        if text is None:
            return None
        try:
            percent = float(text)
        except ValueError:
            percent = -1
        if not 0 <= percent <= 100:
            self.fields[name] = f"must be a percentage from 0 to 100, got {text!r}."
        return percent / 100

    def cell(self) -> tuple[int, int] | None:
        """A cell of the confusion matrix; None if it is absent."""
        names = [name for name in ("true", "predicted") if name in self._args]
        if len(names) == 1:
            self.fields[names[0]] = "needs true and predicted, the two classes of a confusion."
        if len(names) < 2:
            return None
        return self.whole("true", self._args["true"]), self.whole("predicted", self._args["predicted"])


def _percent(fraction: float | None) -> str | None:
    return None if fraction is None else f"{100 * fraction:g}"
