"""Try settings of the CRF on a subset of a split, and score each."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deeplab.config import Config
from deeplab.crf.grid import Setting
from deeplab.errors import DatasetError
from deeplab.logits import require_logits
from deeplab.reporter import Reporter, Stopped
from deeplab.schema import Crf

if TYPE_CHECKING:
    from deeplab.crf.labelling import Refined
    from deeplab.crf.tally import Tally
    from deeplab.scores.metrics import Scores

_log = logging.getLogger(__name__)
_UNIT = "refinement"  # of one image under one setting
_SAVE_SECONDS = 30.0  # between two saves of what is done


@dataclass(frozen=True)
class Trial:
    """A setting and its scores on the subset."""

    setting: Setting
    scores: "Scores"


def search(
    config: Config,
    logits_dir: Path,
    settings: Sequence[Setting],
    reporter: Reporter,
    *,
    split: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    device: str = "auto",
    save: Path | None = None,
    resume: Path | None = None,
) -> list[Trial]:
    """Score settings of the CRF on the logits that `evaluate` saved. Each image is read once for all settings.

    Args:
        config: DATASET and CRF are read.
        logits_dir: one `<id>.npy` per image, (C, h, w) of any float type.
        settings: values that replace those of CRF, as `parse_grid` returns them.
        reporter: hears of each refinement, an image under one setting.
        split: name of the split; None: DATASET.SPLIT.VAL.
        sample: how many images to try the settings on; None: all.
        seed: decides which; equal seeds choose the same images.
        jobs: images at a time on the CPU; None: as many as cores and memory allow.
        device: where the CRF runs, as for `build_crf`.
        save: file for the results so far, written twice a minute and when stopped; None: none.
        resume: the file that an earlier search with the same arguments saved, to continue from.

    Returns:
        One trial per setting, in the order of the settings.

    Raises:
        DatasetError: if an image, its mask or its logits are missing or damaged, or no pixel has a class.
        CrfError: if the backend of the CRF is not available, or memory is short.
        Stopped: if the reporter asked for it.
    """
    # Imported here, because they import PyTorch, and importing this package must stay cheap.
    from deeplab.crf.labelling import Labeller
    from deeplab.crf.tally import Tally
    from deeplab.datasets.split import open_split

    dataset = open_split(config, split or config.DATASET.SPLIT.VAL)
    indices = draw_sample(len(dataset), sample, seed)
    require_logits([dataset.ids[index] for index in indices], logits_dir)
    labeller = Labeller(config, dataset, logits_dir, jobs=jobs, device=device)
    tally = Tally(len(settings), config.DATASET.N_CLASSES, [dataset.ids[index] for index in indices])
    if resume is not None:
        tally.load(resume)
    sections = [Crf.model_validate({**config.CRF.model_dump(), **setting}) for setting in settings]
    _fill(tally, labeller.refine(indices[tally.n_done :], sections), reporter, save)
    try:
        return [Trial(setting, scores) for setting, scores in zip(settings, tally.scores(), strict=True)]
    except ValueError:
        raise DatasetError(f"{config.DATASET.ROOT}: no pixel of the subset has a class.") from None


def _fill(tally: "Tally", refined: "Iterable[Refined]", reporter: Reporter, save: Path | None) -> None:
    done, total = tally.n_done * tally.n_settings, tally.n_images * tally.n_settings
    reporter.progress(done, total, _UNIT)
    saved_at = time.monotonic()
    for each in refined:
        tally.add(each)
        done += 1
        reporter.progress(done, total, _UNIT)
        stops = done < total and reporter.should_stop()
        if save is not None and (stops or time.monotonic() > saved_at + _SAVE_SECONDS):
            tally.save(save)
            saved_at = time.monotonic()
        if stops:
            raise Stopped(f"Stopped after {done} of {total} {_UNIT}s.")


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the trial with the highest mean IoU, the first of equal ones."""
    return max(trials, key=lambda trial: float(trial.scores["mean_iou"]))


def draw_sample(n_images: int, sample: int | None, seed: int) -> list[int]:
    """Draw the sorted indices of `sample` of `n_images` images, or of all if there are not that many."""
    if sample is None or sample >= n_images:
        if sample is not None and sample > n_images:
            _log.warning("The split has %d images, fewer than the sample of %d; all are used.", n_images, sample)
        return list(range(n_images))
    return sorted(np.random.default_rng(seed).choice(n_images, sample, replace=False).tolist())
