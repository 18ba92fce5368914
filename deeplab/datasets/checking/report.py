"""What a check found in a dataset. Torch-free."""

from dataclasses import asdict, dataclass, field
from typing import Any

from deeplab.formats import dimensions


@dataclass(frozen=True)
class SizeMismatch:
    """A mask whose size is not its image's. Sizes are (height, width)."""

    image: str
    image_size: tuple[int, int]
    mask: str
    mask_size: tuple[int, int]
    stored_size: tuple[int, int] | None = None  # of an image that is turned by its EXIF orientation

    def describe(self) -> str:
        """Name both files and their sizes."""
        stored = f", turned by its EXIF orientation from {dimensions(self.stored_size)}" if self.stored_size else ""
        return f"{self.mask} is {dimensions(self.mask_size)}, {self.image} is {dimensions(self.image_size)}{stored}"


@dataclass(frozen=True)
class UnknownValues:
    """A mask with values that are neither a class nor IGNORE_LABEL."""

    mask: str
    values: dict[int, int]  # pixels by value

    def describe(self) -> str:
        """Name the file, and the pixels of each value."""
        return f"{self.mask}: {', '.join(f'{value} ({n} pixels)' for value, n in self.values.items())}"


@dataclass(frozen=True)
class DatasetWarning:
    """What looks wrong, but may be meant so."""

    kind: str  # for programs: "absent_classes", "shared_images" ...
    sentence: str


@dataclass
class SplitReport:
    """What is wrong with a split, and how often each class occurs in it."""

    split: str
    n_ids: int = 0  # images that the split lists
    n_read: int = 0  # pairs whose image and mask could both be read
    n_left: int = 0  # pairs that nobody looked at, for lack of time
    error: str = ""  # why the split could not be listed
    skipped: str = ""  # why the split was left out, if that is no error
    missing: list[str] = field(default_factory=list)  # files
    unreadable: list[str] = field(default_factory=list)  # one sentence each
    mismatches: list[SizeMismatch] = field(default_factory=list)
    unknown_values: list[UnknownValues] = field(default_factory=list)
    pixels: list[int] = field(default_factory=list)  # by class
    images: list[int] = field(default_factory=list)  # by class: in how many images it occurs
    ignored: int = 0  # pixels with IGNORE_LABEL
    warnings: list[DatasetWarning] = field(default_factory=list)  # no problems: they may be meant so

    @property
    def n_problems(self) -> int:
        """Number of files or pairs that are wrong; a split that could not be listed counts as one."""
        found = (self.missing, self.unreadable, self.mismatches, self.unknown_values)
        return bool(self.error) + sum(len(each) for each in found)

    @property
    def findings(self) -> dict[str, list[str]]:
        """The problems as people read them, by heading."""
        return {
            "missing": self.missing,
            "unreadable": self.unreadable,
            "sizes that differ": [each.describe() for each in self.mismatches],
            "values that are not classes": [each.describe() for each in self.unknown_values],
        }

    def as_json(self) -> dict[str, Any]:
        """Return the report under the field names of `deeplab dataset check --json`."""
        fields = asdict(self)
        fields["strange"] = fields.pop("unknown_values")
        return fields


@dataclass(frozen=True)
class DatasetReport:
    """What a check found in a dataset."""

    class_names: list[str]
    splits: list[SplitReport]
    warnings: list[DatasetWarning] = field(default_factory=list)  # about several splits, or the class names
    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)  # files that are not read, by folder and kind

    @property
    def n_warnings(self) -> int:
        """How many things look wrong, but may be meant so."""
        return len(self.warnings) + sum(len(split.warnings) for split in self.splits)

    @property
    def n_problems(self) -> int:
        """Number of files or pairs that are wrong in all splits."""
        return sum(split.n_problems for split in self.splits)

    def as_json(self) -> dict[str, Any]:
        """Return the report under the field names of `deeplab dataset check --json`."""
        return {
            "labels": self.class_names,
            "splits": [split.as_json() for split in self.splits],
            "warnings": [asdict(warning) for warning in self.warnings],
            "passed_over": self.passed_over,
        }
