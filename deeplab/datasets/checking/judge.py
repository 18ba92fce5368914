"""What looks wrong with a dataset though every file of it can be read. Torch-free."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from deeplab.datasets.checking.report import DatasetWarning, SplitReport
from deeplab.formats import list_briefly, plural
from deeplab.images.palette import Colour
from deeplab.schema import Dataset


@dataclass
class Evidence:
    """What a check saw in the pairs of a split, beside what its report counts."""

    ids_by_content: defaultdict[bytes, list[str]] = field(default_factory=lambda: defaultdict(list))
    ignored_masks: list[str] = field(default_factory=list)  # those without a pixel of a class
    turned_masks: list[str] = field(default_factory=list)  # like their images, by whose EXIF orientation they fit
    ambiguous: list[str] = field(default_factory=list)  # masks that fit their image both stored and upright
    left_out: list[str] = field(default_factory=list)  # images with outlines that cannot be drawn
    # By value of the mask and by its colour in the palette: the first mask that has it so.
    colours: defaultdict[int, dict[Colour, str]] = field(default_factory=lambda: defaultdict(dict))


def judge_split(
    report: SplitReport, evidence: Evidence, settings: Dataset, class_names: Sequence[str]
) -> list[DatasetWarning]:
    """Judge a split by what was read of it."""
    if not report.n_read:
        return []
    return [
        *judge_values(_values(report, settings), settings, f"the {plural(report.n_read, 'mask')} read"),
        *_judge_classes(report, class_names),
        *_judge_palettes(evidence),
        *_judge_content(report, evidence),
        *_counted(
            "ignored_masks",
            evidence.ignored_masks if sum(report.pixels) else [],
            "mask holds nothing but ignored pixels",
            "masks hold nothing but ignored pixels",
        ),
        *_counted(
            "turned_masks",
            evidence.turned_masks,
            "mask fits its image as it is stored, and is turned like it by the image's EXIF orientation",
            "masks fit their images as these are stored, and are turned like them by the images' EXIF orientation",
        ),
        *_counted(
            "orientation",
            evidence.ambiguous,
            "image carries an EXIF orientation, by which it is read, but its mask fits either way; see that the mask"
            " was not drawn on the pixels as they are stored",
            "images carry an EXIF orientation, by which they are read, but their masks fit either way; see that the"
            " masks were not drawn on the pixels as they are stored",
        ),
        *_counted(
            "left_out",
            evidence.left_out,
            "image has outlines of fewer than three points, which are left out",
            "images have outlines of fewer than three points, which are left out",
        ),
    ]


def judge_values(values: set[int], settings: Dataset, where: str) -> list[DatasetWarning]:
    """Judge the values that occur in masks of a split; `where` says in which."""
    classes = values - {settings.IGNORE_LABEL}
    sentence = ""
    kind = "values"
    if not classes:
        kind, sentence = "all_ignored", f"All pixels of {where} are ignored ({settings.IGNORE_LABEL})."
    elif values == {0, 255} and settings.IGNORE_LABEL == 255:
        kind = "only_0_and_255"
        sentence = (
            f"The values of {where} are 0 and 255 alone, and 255 is ignored. If it means class 1, write 1 in its place."
        )
    elif 0 not in values and settings.N_CLASSES in classes and max(classes) == settings.N_CLASSES:
        kind = "labels_from_1"
        sentence = (
            f"The values of {where} go up to {settings.N_CLASSES}, and 0 does not occur: the labels seem to be numbered"
            " from 1; expected numbers from 0 on."
        )
    elif len(classes) == 1:
        kind, sentence = "one_class", f"Of all classes only {min(classes)} occurs in {where}."
    return [DatasetWarning(kind, sentence)] if sentence else []


def judge_dataset(
    splits: Sequence[tuple[SplitReport, Evidence]], settings: Dataset, class_names: Sequence[str]
) -> list[DatasetWarning]:
    """Judge what only a look at several splits, or at the class names, can tell."""
    names = settings.SPLIT
    by_name = {report.split: (report, evidence) for report, evidence in splits if report.n_read}
    warnings = _judge_names(class_names)
    for other in dict.fromkeys((names.VAL, names.TEST)):
        if other != names.TRAIN and other in by_name and names.TRAIN in by_name:
            warnings += _compare(by_name[names.TRAIN], by_name[other], class_names)
    return warnings


def _values(report: SplitReport, settings: Dataset) -> set[int]:
    values = {value for value, count in enumerate(report.pixels) if count}
    values |= {value for mask in report.unknown_values for value in mask.values}
    return values | ({settings.IGNORE_LABEL} if report.ignored else set())


def _judge_classes(report: SplitReport, class_names: Sequence[str]) -> list[DatasetWarning]:
    absent = [name for name, count in zip(class_names, report.pixels, strict=True) if not count]
    if not absent or len(absent) == len(class_names):
        return []
    verb = "never occurs" if len(absent) == 1 else "never occur"
    return [
        DatasetWarning("absent_classes", f"{len(absent)} of {len(class_names)} classes {verb}: {list_briefly(absent)}.")
    ]


def _judge_palettes(evidence: Evidence) -> list[DatasetWarning]:
    for value, masks in sorted(evidence.colours.items()):
        if len(masks) > 1:
            (one, first), (two, second), *_ = masks.items()
            return [
                DatasetWarning(
                    "palettes_differ",
                    f"The palettes of the masks differ: the value {value} is {_rgb(one)} in {first}, but {_rgb(two)} in"
                    f" {second}. If the colours are the classes, list them in a file for DATASET.PALETTE.",
                )
            ]
    return []


def _judge_content(report: SplitReport, evidence: Evidence) -> list[DatasetWarning]:
    repeated = [ids for ids in evidence.ids_by_content.values() if len(ids) > 1]
    if not repeated:
        return []
    n_copies = sum(len(ids) - 1 for ids in repeated)
    return [
        DatasetWarning(
            "repeated_images",
            f"{n_copies} of {plural(report.n_read, 'image')} {'repeats' if n_copies == 1 else 'repeat'} the content of"
            f" another one, such as {list_briefly(repeated[0])}.",
        )
    ]


def _judge_names(class_names: Sequence[str]) -> list[DatasetWarning]:
    repeated = sorted({name for name in class_names if class_names.count(name) > 1})
    return [
        DatasetWarning(
            "repeated_names",
            f"Several classes have one name: {list_briefly(repeated)}.",
        )
    ] * bool(repeated)


def _compare(
    train: tuple[SplitReport, Evidence], other: tuple[SplitReport, Evidence], class_names: Sequence[str]
) -> list[DatasetWarning]:
    warnings = []
    trained, scored = train[0], other[0]
    untrained = [
        name
        for name, n_train, n_other in zip(class_names, trained.pixels, scored.pixels, strict=True)
        if n_other and not n_train
    ]
    if untrained:
        warnings.append(
            DatasetWarning(
                "untrained_classes",
                f"{plural(len(untrained), 'class') if len(untrained) == 1 else f'{len(untrained)} classes'} of"
                f" {scored.split} never {'occurs' if len(untrained) == 1 else 'occur'} in {trained.split}:"
                f" {list_briefly(untrained)}.",
            )
        )
    shared = [
        each for content, ids in other[1].ids_by_content.items() if content in train[1].ids_by_content for each in ids
    ]
    if shared:
        warnings.append(
            DatasetWarning(
                "shared_images",
                f"{len(shared)} of {plural(scored.n_read, 'image')} of {scored.split}"
                f" {'is' if len(shared) == 1 else 'are'} also in {trained.split}: {list_briefly(shared)}.",
            )
        )
    return warnings


def _counted(kind: str, names: Sequence[str], singular: str, several: str) -> list[DatasetWarning]:
    if not names:
        return []
    return [DatasetWarning(kind, f"{len(names)} {singular if len(names) == 1 else several}: {list_briefly(names)}.")]


def _rgb(colour: Colour) -> str:
    return "({}, {}, {})".format(*colour)
