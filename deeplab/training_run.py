"""The state of a training run: what an iteration changes and a checkpoint keeps."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deeplab.checkpoint import Checkpoint
from deeplab.config import Config, parse_config
from deeplab.datasets.loading import Batch
from deeplab.errors import CheckpointError, DeepLabError
from deeplab.losses import multi_scale_loss
from deeplab.models import build_from_config, freeze_batch_norm
from deeplab.optim import PolynomialLR, build_optimizer, parameter_groups

# Sections and keys that do not change what is computed; a run may be resumed with others.
_FREE_TO_CHANGE = (
    *("EXP", "CRF", "DATALOADER", "DATASET.ROOT", "DATASET.LABELS", "DATASET.SPLIT.VAL", "DATASET.SPLIT.TEST"),
    *("IMAGE.SIZE.TEST", "MODEL.INIT_MODEL", "MODEL.WEIGHTS"),
    *("SOLVER.BATCH_SIZE.TEST", "SOLVER.ITER_SAVE", "SOLVER.ITER_TB", "SOLVER.AVERAGE_LOSS"),
    *("SOLVER.EVAL_EVERY", "SOLVER.KEEP_LAST"),
)


@dataclass(frozen=True)
class Validated:
    """What the evaluation of a network during its training found."""

    iteration: int
    mean_iou: float


class TrainingRun:
    """A network with its optimizer and schedule, `iteration` steps into training by the DeepLab v2 protocol."""

    def __init__(self, config: Config, device: torch.device, seed: int) -> None:
        """Build everything for iteration 0, with random weights that depend on the seed."""
        torch.manual_seed(seed)
        self.config = config
        self.device = device
        self.seed = seed
        self.iteration = 0
        self.losses: deque[Tensor] = deque(maxlen=config.SOLVER.AVERAGE_LOSS)  # scalars on the device
        self.validated: Validated | None = None  # the last evaluation
        self.best: Validated | None = None  # the one with the highest mean IoU; of equal ones the first
        self.saved: list[int] = []  # iterations whose checkpoints were saved and not let go since, ascending
        solver = config.SOLVER
        self.model = build_from_config(config).to(device).train()
        if solver.FREEZE_BN:
            freeze_batch_norm(self.model)
        groups = parameter_groups(self.model, solver.LR, solver.WEIGHT_DECAY, train_bn=not solver.FREEZE_BN)
        self.model.requires_grad_(False)  # what the protocol does not train needs no gradient
        for group in groups:
            for parameter in group["params"]:
                parameter.requires_grad_(True)
        self.optimizer = build_optimizer(groups, solver)
        self.schedule = PolynomialLR(self.optimizer, solver.LR_DECAY, solver.ITER_MAX, solver.POLY_POWER)

    def step(self, batches: Iterator[Batch]) -> None:
        """One iteration: the gradients of ITER_SIZE batches, then one step of the optimizer."""
        n_batches = self.config.SOLVER.ITER_SIZE
        ignore_index = self.config.DATASET.IGNORE_LABEL
        total = torch.zeros((), device=self.device)
        self.optimizer.zero_grad()
        for _ in range(n_batches):
            images, labels = (part.to(self.device, non_blocking=True) for part in next(batches))
            logits = self.model(images)  # a list, (N, C, h, w) each, from a multi-scale network
            logits_list = logits if isinstance(logits, list) else [logits]
            loss = multi_scale_loss(logits_list, labels, ignore_index) / n_batches
            torch.autograd.backward(loss)
            total += loss.detach()
        self.optimizer.step()
        self.schedule.step()
        self.iteration += 1
        self.losses.append(total)

    def average_loss(self) -> float:
        """Mean loss of the last AVERAGE_LOSS iterations.

        Raises:
            DeepLabError: if it is not a finite number.
        """
        average = float(torch.stack(list(self.losses)).mean())
        if not math.isfinite(average):
            raise DeepLabError(
                f"Training diverged: the loss is {average} at iteration {self.iteration}; lower SOLVER.LR"
                f" (now {self.config.SOLVER.LR:g}) or start from other weights."
            )
        return average

    def learning_rates(self) -> list[float]:
        """Of each parameter group, for the coming iteration."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def note_validation(self, mean_iou: float) -> bool:
        """Keep the mean IoU of the network as it is; whether it is better than ever before."""
        self.validated = Validated(self.iteration, mean_iou)
        if self.best is None or mean_iou > self.best.mean_iou:
            self.best = self.validated
        return self.is_best()

    def is_best(self) -> bool:
        """Whether the network as it is has the highest mean IoU of all that were evaluated."""
        return self.best is not None and self.best.iteration == self.iteration

    def outdated(self) -> list[int]:
        """Iterations whose checkpoints are to be let go by SOLVER.KEEP_LAST. The best one is not among them."""
        keep_last = self.config.SOLVER.KEEP_LAST
        old = [] if keep_last is None else self.saved[:-keep_last]
        return [iteration for iteration in old if self.best is None or iteration != self.best.iteration]

    def checkpoint(self) -> Checkpoint:
        """Everything needed to continue from here. Raises DeepLabError if the loss is not a finite number."""
        if self.losses:
            self.average_loss()
        return Checkpoint(
            iteration=self.iteration,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            schedule=self.schedule.state_dict(),
            rng={"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if self._on_gpu() else []},
            config=self.config.model_dump(mode="json"),
            seed=self.seed,
            losses=[float(loss) for loss in self.losses],
            validated=None if self.validated is None else asdict(self.validated),
            best=None if self.best is None else asdict(self.best),
            saved=list(self.saved),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of this config and seed."""
        self.model.load_state_dict(checkpoint.model)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.schedule.load_state_dict(checkpoint.schedule)
        torch.set_rng_state(checkpoint.rng["cpu"])
        if self._on_gpu() and len(checkpoint.rng["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(checkpoint.rng["cuda"])
        self.iteration = checkpoint.iteration
        self.losses.extend(torch.tensor(loss, device=self.device) for loss in checkpoint.losses)
        self.saved = list(checkpoint.saved)
        if checkpoint.config["DATASET"]["SPLIT"]["VAL"] == self.config.DATASET.SPLIT.VAL:  # else they do not compare
            self.validated = None if checkpoint.validated is None else Validated(**checkpoint.validated)
            self.best = None if checkpoint.best is None else Validated(**checkpoint.best)

    def _on_gpu(self) -> bool:
        return self.device.type == "cuda"


def require_same_config(config: Config, saved: dict[str, Any], path: Path) -> None:
    """Refuse to resume a run under other settings.

    Raises:
        CheckpointError: names the keys that differ, with both values.
    """
    ours, theirs = (dict(_flatten(each.model_dump())) for each in (config, parse_config(saved, str(path))))
    differing = [
        f"{key} ({theirs[key]} there, {ours[key]} here)"
        for key in ours
        if ours[key] != theirs[key] and not any(f"{key}.".startswith(f"{free}.") for free in _FREE_TO_CHANGE)
    ]
    if differing:
        raise CheckpointError(f"{path}: is of a run with other settings: {', '.join(differing)}.")


def _flatten(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
