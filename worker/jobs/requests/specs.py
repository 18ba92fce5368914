"""Requests for jobs: one pydantic model per kind, shared by the web forms, the API and the command line.

Forms and `--help` show the titles and descriptions of the fields. Light to import, for `--help`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from deeplab.catalog import InferenceMode, LogitsDtype, VideoOutput
from deeplab.crf.grid import parse_grid
from deeplab.datasets.importing.catalog import ImportFormat, Unlabelled
from deeplab.errors import ConfigError
from deeplab.files import is_plain
from deeplab.formats import shortened
from worker.jobs.catalog import HIGHEST_PRIORITY, KINDS, LARGEST_INTEGER, Kind
from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.refusal import refusal
from worker.jobs.requests.spec_error import SpecError

_MOST_FIELDS = 100  # of a request
UPLOAD = "upload:"  # before the id of what was uploaded

SCHEDULING = ("after", "priority", "not_before")  # fields that say when a job starts, and not what it does


def _blank_is_absent(value: object) -> object:
    """Take the empty string, which HTML forms send for empty fields, for an absent value."""
    return None if value == "" else value


def _split_lines(value: object) -> object:
    """Accept a text of several lines, as a form's box sends it, as well as a list."""
    return tuple(line.strip() for line in value.splitlines() if line.strip()) if isinstance(value, str) else value


def _spell_checkpoint(text: str) -> str:
    """Spell each checkpoint in one way, "7" for "007", because tables are searched for it."""
    return CheckpointRef.parse(text).text


def _require_saved(text: str) -> str:
    if CheckpointRef.parse(text).is_file:
        raise ValueError(
            f"must be the id or an alias of a checkpoint, or job:ID, got {shortened(text)}; a weights file becomes a"
            " checkpoint by a register job."
        )
    return text


def _split_ids(value: object) -> object:
    """Accept ids with commas or spaces between them, as a form sends them, as well as a list."""
    return tuple(part for part in re.split(r"[\s,]+", value) if part) if isinstance(value, str) else value


def _spell_time(text: str) -> str:
    """Spell a time in one way: in UTC, without fractions of a second."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise ValueError
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise ValueError(
            "must be a time with its distance from UTC, such as 2026-12-24T18:00+01:00, or 2026-12-24T17:00Z in UTC;"
            f" got {shortened(text)}."
        ) from None


def _read_resumed(value: object) -> object:
    """Read the id of a checkpoint, or an alias."""
    if isinstance(value, str):
        ref = CheckpointRef.parse(value.strip())
        value = ref.id if ref.id is not None else ref.alias
    if isinstance(value, bool) or not isinstance(value, int | str) or (isinstance(value, int) and not _is_id(value)):
        raise ValueError("must be the id of a checkpoint, or an alias.")
    return value


def _is_id(number: int) -> bool:
    return 1 <= number <= LARGEST_INTEGER


def _check_plain(text: str) -> str:
    if not is_plain(text):
        raise ValueError(f"must be one line of plain text, got {shortened(text)}.")
    return text


BlankIsNone = BeforeValidator(_blank_is_absent)
Lines = Annotated[
    tuple[Annotated[str, Field(max_length=4096)], ...], Field(max_length=100), BeforeValidator(_split_lines)
]
PathText = Annotated[str, Field(min_length=1, max_length=4095), AfterValidator(_check_plain)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_check_plain)]
CheckpointText = Annotated[PathText, AfterValidator(_spell_checkpoint)]
SavedCheckpoint = Annotated[CheckpointText, AfterValidator(_require_saved)]
Positive = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Ids = Annotated[tuple[Positive, ...], Field(max_length=100), BeforeValidator(_split_ids)]
Time = Annotated[str, Field(max_length=100), AfterValidator(_spell_time)]
Resumed = Annotated[int | str, BeforeValidator(_read_resumed)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]


def _overrides(example: str) -> Any:
    return Field(
        (),
        title="Overrides",
        description=f"Configuration keys to change, one KEY=VALUE per line, such as {example}.",
        examples=[example],
    )


class _Spec(BaseModel):
    """The fields of all kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    kind: ClassVar[Kind]
    queue: ClassVar[str]

    overrides: Lines = _overrides("SOLVER.LR=1e-3")
    after: Ids = Field(
        (),
        title="After jobs",
        description="Ids of jobs that have to succeed first. If one of them fails or is cancelled, so is this one.",
    )
    priority: int = Field(
        0,
        ge=-HIGHEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        title="Priority",
        description="Of the jobs that may start, those of a higher priority go first, and of equal ones the oldest.",
    )
    not_before: Annotated[Time | None, BlankIsNone] = Field(
        None,
        title="Not before",
        description="Time from which it may start, such as 2026-12-24T18:00+01:00, or 2026-12-24T17:00Z in UTC.",
    )

    def chosen_queue(self) -> str:
        """The queue of this job: that of its kind, unless the request needs another."""
        return self.queue

    def chosen_gpus(self) -> int:
        """How many GPUs this job asks for; 1 also means: one if there is any."""
        return 1

    def earliest_start(self) -> float | None:
        """The time from which it may start, in seconds since 1970."""
        return None if self.not_before is None else datetime.fromisoformat(self.not_before).timestamp()

    def chosen_keys(self) -> tuple[str, ...]:
        """The fields that stand for configuration keys, as overrides; `overrides` goes before them."""
        return ()


class _ModelSpec(_Spec):
    """The fields of the kinds that run a model."""

    dataset: Annotated[Name | None, BlankIsNone] = Field(
        None, title="Dataset", description="Registered dataset, which replaces the configuration's section DATASET."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", title="Device", description="auto uses a GPU if there is one."
    )


class TrainSpec(_ModelSpec):
    """Train a model."""

    kind: ClassVar[Kind] = "train"
    queue: ClassVar[str] = "gpu"

    config: PathText = Field(title="Configuration", description="Configuration file (YAML).")
    resume: Annotated[Resumed | None, BlankIsNone] = Field(
        None, title="Resume from", description="Id or alias of the checkpoint to resume from."
    )
    seed: Seed = Field(0, title="Seed", description="Random seed. On a CPU, equal seeds give equal results.")
    gpus: int = Field(
        1, ge=1, le=64, title="GPUs", description="How many GPUs of one machine train together; they share each batch."
    )

    @property
    def resumed_id(self) -> int | None:
        """The id of that checkpoint, once a submission has put it in the place of an alias."""
        if isinstance(self.resume, str):
            raise TypeError(f"the alias {self.resume} was not looked up")
        return self.resume

    def chosen_gpus(self) -> int:
        """How many GPUs this job asks for."""
        return self.gpus

    @field_validator("gpus")
    @classmethod
    def _check_gpus(cls, gpus: int, earlier: ValidationInfo) -> int:
        if gpus > 1 and earlier.data.get("device") == "cpu":
            raise ValueError(f"must be 1 with device cpu, got {gpus}.")
        return gpus


class CheckpointSpec(_Spec):
    """The fields of the kinds that start from a checkpoint."""

    checkpoint: SavedCheckpoint = Field(
        title="Checkpoint",
        description="Id or alias of a checkpoint, or job:ID for the best one of a job, for which this one then waits.",
    )

    @property
    def checkpoint_ref(self) -> CheckpointRef:
        """The checkpoint as an id, a job or a path."""
        return CheckpointRef.parse(self.checkpoint)


class InferenceSpec(CheckpointSpec, _ModelSpec):
    """The fields of the kinds that run a trained model on many images."""

    overrides: Lines = _overrides("RUNTIME.PRECISION=bf16")
    checkpoint: CheckpointText = Field(
        title="Checkpoint",
        description="Id or alias of a checkpoint; job:ID for the best one of a job, for which this one then waits; or"
        " path of a weights file.",
    )
    config: Annotated[PathText | None, BlankIsNone] = Field(
        None, title="Configuration", description="Required with a weights file; a checkpoint brings its own."
    )

    mode: Annotated[InferenceMode | None, BlankIsNone] = Field(
        None,
        title="Inference mode",
        description="How the model sees an image, always at its full size: whole, or slide, window by window, for"
        " images that do not fit into memory. By default as configured.",
    )
    window: Annotated[int | None, Field(ge=16, le=32_768), BlankIsNone] = Field(
        None, title="Window", description="Mode slide: side of the windows, pixels; by default as configured."
    )
    scales: Annotated[str | None, Field(max_length=200), BlankIsNone] = Field(
        None,
        title="Scales",
        description="Average over these scales of each image, such as 0.75,1,1.25; by default as configured.",
    )
    flip: bool = Field(
        False, title="Flip", description="Average over each image and its mirror image; otherwise as configured."
    )

    def chosen_keys(self) -> tuple[str, ...]:
        """The fields that stand for configuration keys, as overrides."""
        chosen = {
            "INFERENCE.MODE": self.mode,
            "INFERENCE.WINDOW": self.window,
            "INFERENCE.SCALES": None if self.scales is None else f"[{self.scales}]",
            "INFERENCE.FLIP": "true" if self.flip else None,
        }
        return tuple(f"{key}={value}" for key, value in chosen.items() if value is not None)

    @field_validator("scales")
    @classmethod
    def _check_scales(cls, scales: str | None) -> str | None:
        try:
            if scales is not None and min(float(scale) for scale in scales.split(",")) <= 0:
                raise ValueError
        except ValueError:
            raise ValueError(f"must be positive numbers with commas between them, got {shortened(scales)}.") from None
        return scales


class EvaluateSpec(InferenceSpec):
    """Evaluate a checkpoint on a split."""

    kind: ClassVar[Kind] = "evaluate"
    queue: ClassVar[str] = "gpu"

    split: Annotated[Name | None, BlankIsNone] = Field(
        None, title="Split", description="Split to evaluate; by default that of DATASET.SPLIT.VAL."
    )
    save_logits: bool = Field(True, title="Save logits", description="Save the logits, which crf jobs need.")
    logits_dtype: LogitsDtype = Field(
        "float16", title="Logits precision", description="float16 takes half the space of float32."
    )
    save_masks: bool = Field(
        True, title="Save masks", description="Save label maps and maps of confidence, which the viewer shows."
    )
    boundary_iou: bool = Field(
        False, title="Boundary IoU", description="Also compare the boundaries of the classes, a stricter measure."
    )


class CrfSpec(_Spec):
    """Refine the logits of an evaluate job with a dense CRF, or search for its parameters."""

    kind: ClassVar[Kind] = "crf"
    queue: ClassVar[str] = "cpu"

    overrides: Lines = _overrides("CRF.ITER_MAX=5")
    evaluate_job: Positive = Field(
        title="Evaluate job", description="Id of an evaluate job that saves its logits; this one waits for it."
    )
    grid: Lines = Field(
        (),
        title="Grid search",
        description="Search: values to try for CRF parameters, one KEY=VALUE,... per line, such as BI_W=2,4,8.",
        examples=["BI_W=2,4,8"],
    )
    sample: Annotated[Positive | None, BlankIsNone] = Field(
        None, title="Sample", description="Search: number of images to try them on; by default the whole split."
    )
    save_masks: bool = Field(
        True, title="Save masks", description="Save label maps and maps of confidence, which the viewer shows."
    )
    boundary_iou: bool = Field(
        False, title="Boundary IoU", description="Also compare the boundaries of the classes, a stricter measure."
    )
    seed: Seed = Field(0, title="Seed", description="Search: random seed that picks those images.")
    device: Literal["cpu", "cuda"] = Field(
        "cpu", title="Device", description="cuda uses a GPU, on the workers of the gpu queue."
    )

    def chosen_queue(self) -> str:
        """Workers of the cpu queue see no GPU."""
        return "gpu" if self.device == "cuda" else self.queue

    @field_validator("grid")
    @classmethod
    def _check_grid(cls, grid: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_grid(grid)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return grid

    @field_validator("sample")
    @classmethod
    def _check_sample(cls, sample: int | None, earlier: ValidationInfo) -> int | None:
        if sample is not None and earlier.data.get("grid") == ():
            raise ValueError("Only a grid search has a sample.")
        return sample


class SegmentSpec(InferenceSpec):
    """Segment a folder of images and videos, or one video."""

    kind: ClassVar[Kind] = "segment"
    queue: ClassVar[str] = "gpu"

    input: PathText = Field(
        title="Input", description="Folder of images and videos, with its subfolders; or one video."
    )
    output: Annotated[PathText | None, BlankIsNone] = Field(
        None, title="Output folder", description="Folder for masks and manifest; by default the job's own folder."
    )
    crf: bool = Field(
        False, title="CRF", description="Refine each image with the dense CRF: sharper edges, but slower."
    )
    overlays: bool = Field(False, title="Overlays", description="Also write each image blended with its mask.")
    confidence: bool = Field(
        False, title="Confidence", description="Also write how sure the model is of each pixel, and note it by class."
    )
    batch_size: int = Field(
        4, ge=1, le=256, title="Batch size", description="Images per batch; only images of equal size share one."
    )
    video_output: VideoOutput = Field(
        "video",
        title="Video output",
        description="What is made of a video: a labelled video, or a mask per frame (with overlays both).",
    )
    every: Positive = Field(1, title="Every", description="Of videos, segment only every Nth frame.")
    max_failed: Annotated[int | None, Field(ge=0, le=99), BlankIsNone] = Field(
        None,
        title="Most failures",
        description="Percent of the images and videos that may fail. The job stops and fails when more do: of the first"
        " 100 or more, or of all. By default it fails only if all do.",
    )
    only_failed_of: Annotated[Positive | None, BlankIsNone] = Field(
        None,
        title="Only what failed in job",
        description="Id of an ended segment job on the same input: segment only what failed there.",
    )


class CheckSpec(_Spec):
    """Read every image and mask of a registered dataset, and report what is wrong with it."""

    kind: ClassVar[Kind] = "check"
    queue: ClassVar[str] = "cpu"

    overrides: Lines = _overrides("DATASET.IGNORE_LABEL=254")
    dataset: Name = Field(min_length=1, title="Dataset", description="Registered dataset to check.")
    split: Annotated[Name | None, BlankIsNone] = Field(
        None, title="Split", description="Check only this split; by default all of them."
    )


class ImportSpec(_Spec):
    """Make a dataset of the export of another tool, and register it."""

    kind: ClassVar[Kind] = "import"
    queue: ClassVar[str] = "cpu"

    source: PathText = Field(
        title="Export",
        description="A .zip or .tar file, its unpacked folder, or its one JSON or XML file; upload:ID for what was"
        " uploaded.",
    )
    dataset: Name = Field(min_length=1, title="Dataset", description="Name under which to register the dataset.")
    format: Annotated[ImportFormat | None, BlankIsNone] = Field(
        None, title="Format", description="Format of the export; by default as its files tell."
    )
    unlabelled: Unlabelled = Field(
        "background", title="Unlabelled", description="What pixels become that nobody labelled."
    )
    val_share: Annotated[float | None, Field(ge=0, lt=1), BlankIsNone] = Field(
        None,
        title="Share for validation",
        description="Share of the images for validation, drawn by chance, such as 0.2; by default the export's own"
        " split, else 0.2.",
    )
    seed: Seed = Field(0, title="Seed", description="Random seed of the draw.")

    @property
    def upload(self) -> str | None:
        """The id of what was uploaded; None: the source is a path."""
        return self.source.removeprefix(UPLOAD) if self.source.startswith(UPLOAD) else None


class RegisterSpec(_Spec):
    """Make a checkpoint of a weights file, after checking that it fits its configuration."""

    kind: ClassVar[Kind] = "register"
    queue: ClassVar[str] = "cpu"

    overrides: Lines = _overrides("DATASET.N_CLASSES=21")
    file: PathText = Field(
        title="Weights file",
        description="Checkpoint, state dict (.pth, .pt) or .safetensors, of which the platform keeps a copy; upload:ID"
        " for what was uploaded.",
    )
    config: PathText = Field(
        title="Configuration", description="Configuration file (YAML) of the model; upload:ID for what was uploaded."
    )
    dataset: Annotated[Name | None, BlankIsNone] = Field(
        None, title="Dataset", description="Registered dataset, which replaces the configuration's section DATASET."
    )


class OnnxSpec(CheckpointSpec):
    """Write the model of a checkpoint as an ONNX file for images of any size, and compare what both say of one."""

    kind: ClassVar[Kind] = "onnx"
    queue: ClassVar[str] = "cpu"

    overrides: Lines = _overrides("IMAGE.MEAN.B=104.008")


class TrySpec(CheckpointSpec):
    """Segment one image at once, to see what a checkpoint makes of it; soon deleted."""

    kind: ClassVar[Kind] = "try"
    queue: ClassVar[str] = "gpu"

    overrides: Lines = _overrides("CRF.BI_W=4")
    priority: int = Field(
        HIGHEST_PRIORITY,
        ge=-HIGHEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        title="Priority",
        description="Of the jobs that may start, those of a higher priority go first, and of equal ones the oldest.",
    )
    image: PathText = Field(title="Image", description="Image file; upload:ID for what was uploaded.")
    crf: bool = Field(False, title="CRF", description="Also refine the mask with the dense CRF.")
    longest_side: int = Field(
        1024, ge=64, le=4096, title="Longest side", description="Pixels; a larger image is reduced to so many."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", title="Device", description="auto uses a GPU if there is one."
    )


Spec = TrainSpec | EvaluateSpec | CrfSpec | SegmentSpec | CheckSpec | ImportSpec | RegisterSpec | OnnxSpec | TrySpec
SPECS: dict[str, type[Spec]] = {spec.kind: spec for spec in get_args(Spec)}


def parse_spec(kind: str, mapping: Mapping[str, Any]) -> Spec:
    """Validate a request.

    Raises:
        SpecError: naming every field that is unknown, missing or of the wrong type.
    """
    if kind not in SPECS:
        raise SpecError({"kind": f"must be one of {', '.join(KINDS)}, got {shortened(kind)}."})
    if len(mapping) > _MOST_FIELDS:
        raise SpecError({"kind": f"{kind} has no more than {_MOST_FIELDS} fields, got {len(mapping):,}."})
    try:
        return SPECS[kind].model_validate(mapping)
    except ValidationError as error:
        raise refusal(error, "is not a field of this kind of job.") from None
