"""The state of a training run: what an iteration changes and a checkpoint keeps."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from deeplab.config import Config, parse_config
from deeplab.datasets.loading import Batch
from deeplab.errors import CheckpointError, DeepLabError
from deeplab.models.batch_norm import freeze_batch_norm, synchronise_batch_norm
from deeplab.models.build import build_from_config
from deeplab.models.runtime import compile_network
from deeplab.training.checkpoint import Checkpoint
from deeplab.training.distributed import ALONE, World
from deeplab.training.losses import multi_scale_loss
from deeplab.training.mixed_precision import MixedPrecision
from deeplab.training.optim import PolynomialLR, build_optimizer, parameter_groups, restore_optimizer

# Sections and keys that do not change what is computed, but for rounding; a run may be resumed with others.
_FREE_TO_CHANGE = (
    *("EXP", "CRF", "DATALOADER", "DATASET.ROOT", "DATASET.LABELS", "DATASET.SPLIT.VAL", "DATASET.SPLIT.TEST"),
    *("IMAGE.SIZE.TEST", "MODEL.INIT_MODEL", "MODEL.WEIGHTS"),
    *("RUNTIME", "SOLVER.BATCH_SIZE.TEST", "SOLVER.ITER_SAVE", "SOLVER.ITER_TB", "SOLVER.AVERAGE_LOSS"),
    *("SOLVER.EVAL_EVERY", "SOLVER.KEEP_LAST"),
)


@dataclass(frozen=True)
class Validated:
    """What the evaluation of a network during its training found."""

    iteration: int
    mean_iou: float


class TrainingRun:
    """A network with its optimizer and schedule, `iteration` steps into training by the DeepLab v2 protocol.

    Several processes hold a copy each, and take their share of each batch: all of them come to the same weights.
    """

    def __init__(self, config: Config, device: torch.device, seed: int, world: World = ALONE) -> None:
        """Build everything for iteration 0, with random weights that depend on the seed.

        Raises:
            ConfigError: if the device, or the processes together, cannot do what the config says.
        """
        torch.manual_seed(seed)
        self.config = config
        self.device = device
        self.seed = seed
        self.world = world
        self.iteration = 0
        self.losses: deque[Tensor] = deque(maxlen=config.SOLVER.AVERAGE_LOSS)  # scalars on the device
        self.validated: Validated | None = None  # the last evaluation
        self.best: Validated | None = None  # the one with the highest mean IoU; of equal ones the first
        self.saved: list[int] = []  # iterations whose checkpoints were saved and not let go since, ascending
        channels_last = config.RUNTIME.CHANNELS_LAST
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.precision = MixedPrecision(config.RUNTIME.PRECISION, device)
        self.model = self._build_model()
        groups = self._choose_parameters()
        # On a CPU in fp32 the plain optimizer rounds as the original's.
        self.optimizer = build_optimizer(groups, config.SOLVER, fused=self._on_gpu() or self.precision.scales)
        solver = config.SOLVER
        self.schedule = PolynomialLR(self.optimizer, solver.LR_DECAY, solver.ITER_MAX, solver.POLY_POWER)
        self._part_generators()

    def _build_model(self) -> nn.Module:
        model = build_from_config(self.config).to(self.device).to(memory_format=self._memory_format).train()
        if self.config.SOLVER.FREEZE_BN:
            freeze_batch_norm(model)
        elif self.world.size > 1:
            model = synchronise_batch_norm(model, self.device)
        if self.config.RUNTIME.COMPILE:
            compile_network(model, self.device)
        return model

    def _choose_parameters(self) -> list[dict[str, Any]]:
        """The groups that the protocol trains; what it does not train needs no gradient."""
        solver = self.config.SOLVER
        groups = parameter_groups(self.model, solver.LR, solver.WEIGHT_DECAY, train_bn=not solver.FREEZE_BN)
        self.model.requires_grad_(False)
        for group in groups:
            for parameter in group["params"]:
                parameter.requires_grad_(True)
        return groups

    @cached_property
    def _network(self) -> nn.Module:
        """What is run for its gradients: the model, or the link that averages them over all processes.

        Made at the first step, when all processes are here, and with the weights from which they start.
        """
        if self.world.size == 1:
            return self.model
        # Buffers are equal already: frozen, or synchronised by batch norm itself.
        return DistributedDataParallel(self.model, broadcast_buffers=False, gradient_as_bucket_view=True)

    def step(self, batches: Iterable[Batch]) -> None:
        """One iteration: the gradients of ITER_SIZE batches, then one step of the optimizer.

        Args:
            batches: this process's share of each of them.
        """
        total = torch.zeros((), device=self.device)
        self.optimizer.zero_grad()
        n_batches = self.config.SOLVER.ITER_SIZE
        for number, (images, labels) in enumerate(islice(batches, n_batches), start=1):
            with self._gradients_stay_here() if number < n_batches else nullcontext():
                loss = self._loss(images, labels) / n_batches
                self.precision.backward(loss * self.world.size)  # of which the mean over all processes is taken
            total += loss.detach()
        self.precision.step(self.optimizer)
        self.schedule.step()
        self.iteration += 1
        self.losses.append(self.world.add_up(total))

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Of this process's share of a batch; those of all processes add up to the batch's."""
        images = images.to(self.device, non_blocking=True, memory_format=self._memory_format)
        labels = labels.to(self.device, non_blocking=True)
        with self.precision.autocast():
            logits = self._network(images)  # a list, (N, C, h, w) each, from a multi-scale network
        logits_list = logits if isinstance(logits, list) else [logits]
        return multi_scale_loss(logits_list, labels, self.config.DATASET.IGNORE_LABEL, self.world.add_up)

    def _gradients_stay_here(self) -> AbstractContextManager[None]:
        """A context in which the gradients are added up, and not yet sent to the other processes."""
        network = self._network
        return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()

    def average_loss(self) -> float:
        """Mean loss of the last AVERAGE_LOSS iterations but those that fp16 had to leave out; NaN if these are all.

        Raises:
            DeepLabError: if it is not a finite number, and fp16 is not the reason.
        """
        losses = torch.stack(list(self.losses))
        if self.precision.copes():
            return float(losses[losses.isfinite()].mean())
        average = float(losses.mean())
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
            scaler=self.precision.state_dict(),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of this config and seed."""
        self.model.load_state_dict(checkpoint.model)
        restore_optimizer(self.optimizer, checkpoint.optimizer)
        self.schedule.load_state_dict(checkpoint.schedule)
        self.precision.load_state_dict(checkpoint.scaler)
        torch.set_rng_state(checkpoint.rng["cpu"])
        if self._on_gpu() and len(checkpoint.rng["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(checkpoint.rng["cuda"])
        self.iteration = checkpoint.iteration
        self.losses.extend(torch.tensor(loss, device=self.device) for loss in checkpoint.losses)
        self.saved = list(checkpoint.saved)
        if checkpoint.config["DATASET"]["SPLIT"]["VAL"] == self.config.DATASET.SPLIT.VAL:  # else they do not compare
            self.validated = None if checkpoint.validated is None else Validated(**checkpoint.validated)
            self.best = None if checkpoint.best is None else Validated(**checkpoint.best)
        self._part_generators()

    def _part_generators(self) -> None:
        """Let dropout differ between processes, as it does between the images of a batch."""
        if not self.world.is_main:
            torch.manual_seed(self.seed + self.iteration + (self.world.rank << 32))

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
