"""Score a checkpoint on a split, in memory that does not grow with the number of images."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from deeplab.catalog import LogitsDtype
from deeplab.config import Config
from deeplab.datasets.split import SplitDataset, open_split
from deeplab.distributed import World, joined_world
from deeplab.errors import DatasetError
from deeplab.evaluation.scoring import Keep, Look
from deeplab.inference.segmenter import Segmenter
from deeplab.models.load import load_model
from deeplab.reporter import Reporter
from deeplab.scores.image_scores import ImageScores
from deeplab.scores.metrics import ConfusionMatrix, Scores
from deeplab.scores.observation import ImageTally, Observer, Watch, watch_of

_ROUND = 64  # images of each process, after which the first one hears of those of all


def evaluate(
    config: Config,
    checkpoint: Path | None,
    reporter: Reporter,
    *,
    split: str | None = None,
    device: str = "auto",
    logits_dir: Path | None = None,
    logits_dtype: LogitsDtype = "float32",
    masks_dir: Path | None = None,
    confidence_dir: Path | None = None,
    observe: Observer | None = None,
    boundary_iou: bool = False,
) -> Scores:
    """Compare a model's label maps with the masks of a split, at the size of the images.

    Several processes, as torchrun starts them, share the images; each returns the scores of all.

    Args:
        config: all settings; SOLVER.BATCH_SIZE.TEST images of equal size share a forward pass.
        checkpoint: the weights; None: those that MODEL.WEIGHTS names.
        reporter: hears of each image; can stop the run.
        split: name of the split; None: DATASET.SPLIT.VAL.
        device: "auto", "cpu", "cuda" or "cuda:1".
        logits_dir: folder for the model's output, (C, h, w) in `<id>.npy` for each image; at the size of the image if
            it looks by windows or under several views; None: it is not saved.
        logits_dtype: of those files; see `save_logits`.
        masks_dir: if given, where to leave the model's own masks, `<id>.png`.
        confidence_dir: if given, where to leave the top probability of each pixel, grey from 0 to 255 in `<id>.png`.
        observe: hears of each image in the order of the split, some batches later; of several processes that of the
            first hears of the images of all, in rounds. The scores then have those of the images, too.
        boundary_iou: also compare the boundaries of the classes (see `deeplab.scores.boundaries`).

    Raises:
        Stopped: if the reporter asked for it; complete files of logits stay.
        DeepLabError: if the checkpoint or a file of the dataset is missing or wrong, an image cannot be labelled, or no
            pixel has a class.
    """
    keep = Keep(logits_dir, logits_dtype, masks_dir, confidence_dir)
    watch = watch_of(observe, boundary_iou=boundary_iou)
    split = split or config.DATASET.SPLIT.VAL
    confusion, tally = _look_together(config, checkpoint, reporter, split, device, keep, watch, observe)
    return tally.add_to(_require_scores(config, split, confusion))


def label_split(
    config: Config,
    checkpoint: Path | None,
    reporter: Reporter,
    masks_dir: Path,
    *,
    split: str,
    device: str = "auto",
    logits_dir: Path | None = None,
    logits_dtype: LogitsDtype = "float32",
    confidence_dir: Path | None = None,
    observe: Observer | None = None,
) -> int:
    """Leave the model's masks, `<id>.png`, of a split that has no ground truth; otherwise as `evaluate`.

    Returns:
        How many images it has.
    """
    keep, watch = Keep(logits_dir, logits_dtype, masks_dir, confidence_dir), watch_of(observe)
    confusion, _ = _look_together(config, checkpoint, reporter, split, device, keep, watch, observe, labelled=False)
    return confusion.n_images


def score(
    segmenter: Segmenter,
    dataset: SplitDataset,
    reporter: Reporter,
    *,
    unit: str = "image",
) -> Scores:
    """Compare the label maps of a model in memory with the masks of a split; otherwise like `evaluate`.

    Args:
        segmenter: the model, with its configuration.
        dataset: the split.
        reporter: hears of each image; can stop the run.
        unit: of the progress that the reporter hears.
    """
    look = Look(segmenter, dataset, Keep())
    list(look.images(reporter, unit))  # none, since they are not watched
    return _require_scores(segmenter.config, dataset.name, look.confusion)


def _look_together(
    config: Config,
    checkpoint: Path | None,
    reporter: Reporter,
    split: str,
    device: str,
    keep: Keep,
    watch: Watch | None,
    observe: Observer | None,
    *,
    labelled: bool = True,
) -> tuple[ConfusionMatrix, ImageTally]:
    """Count a split, of which each process looks at its share; each returns the counts of all."""
    with joined_world() as world:
        with world.together():
            segmenter = Segmenter(load_model(config, checkpoint), config, device=world.choose_device(device))
            dataset = open_split(config, split, labelled=labelled)
        look = Look(segmenter, dataset, keep, watch=watch, world=world)
        tally = ImageTally(config.DATASET.N_CLASSES, observe if world.is_main else None)
        with closing(look.images(reporter, "image")) as images:
            _hear_in_order(images, world, tally.hear)
        return look.confusion_of_all(), tally


def _hear_in_order(images: Iterator[ImageScores], world: World, hear: Callable[[ImageScores], None]) -> None:
    """Let each process hear of the images of all, in the order of the split; all of them end in the same way."""
    per_round = 1 if world.size == 1 else _ROUND
    heard: list[ImageScores] = []
    while True:
        with world.together():
            for each in heard:
                hear(each)
            own = list(islice(images, per_round))
        heard = world.gather_in_turn(own)
        if not heard:
            return


def _require_scores(config: Config, split: str, confusion: ConfusionMatrix) -> Scores:
    try:
        return confusion.scores()
    except ValueError:
        raise DatasetError(f"{config.DATASET.ROOT}: no pixel of the split {split!r} has a class.") from None
