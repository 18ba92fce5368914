"""The state of a training run: what an iteration changes and a checkpoint saves."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from deeplab.config import Config
from deeplab.datasets.loading import Batch
from deeplab.distributed import ALONE, World
from deeplab.errors import DeepLabError
from deeplab.models.batch_norm import freeze_batch_norm, synchronise_batch_norm
from deeplab.models.build import build_from_config
from deeplab.models.runtime import compile_model
from deeplab.training.checkpoint import Checkpoint
from deeplab.training.losses import multi_scale_loss
from deeplab.training.mixed_precision import MixedPrecision
from deeplab.training.optim import PolynomialLR, build_optimizer, parameter_groups, restore_optimizer


@dataclass(frozen=True)
class Validated:
    """The score of a model during its training."""

    iteration: int
    mean_iou: float


class TrainingRun:
    """A model with its optimizer and schedule, `iteration` steps into training by the DeepLab v2 protocol.

    Each process holds a copy and computes its share of each batch; all copies have the same weights.
    """

    def __init__(self, config: Config, device: torch.device, seed: int, world: World = ALONE) -> None:
        """Build everything for iteration 0, with random weights that depend on the seed.

        Raises:
            ConfigError: if the device, or several processes together, cannot do what the config asks.
        """
        torch.manual_seed(seed)
        self.config = config
        self.device = device
        self.seed = seed
        self.world = world
        self.iteration = 0
        self.losses: deque[Tensor] = deque(maxlen=config.SOLVER.AVERAGE_LOSS)  # scalars on the device
        self.validated: Validated | None = None  # the last validation
        self.best: Validated | None = None  # the one with the highest mean IoU; of equal ones the first
        self.n_since_best = 0  # validations after it
        self.scores: dict[int, float] = {}  # mean IoU of every validation, by iteration
        self.class_weights: Tensor | None = None  # (C,) on the device; see `weigh_classes`
        channels_last = config.RUNTIME.CHANNELS_LAST
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.precision = MixedPrecision(config.RUNTIME.PRECISION, device)
        self.model = self._build_model()
        groups = self._choose_parameters()
        # Not on a CPU in fp32: there the plain optimizer rounds as the original's does.
        self.optimizer = build_optimizer(groups, config.SOLVER, fused=self._on_gpu() or self.precision.scales)
        solver = config.SOLVER
        self.schedule = PolynomialLR(
            self.optimizer, solver.LR_DECAY, solver.ITER_MAX, solver.POLY_POWER, warmup=solver.WARMUP
        )
        self._seed_by_rank()

    def _build_model(self) -> nn.Module:
        model = build_from_config(self.config).to(self.device).to(memory_format=self._memory_format).train()
        if self.config.SOLVER.FREEZE_BN:
            freeze_batch_norm(model)
        elif self.world.size > 1:
            model = synchronise_batch_norm(model, self.device)
        if self.config.RUNTIME.COMPILE:
            compile_model(model, self.device)
        return model

    def _choose_parameters(self) -> list[dict[str, Any]]:
        """Return the parameter groups that the protocol trains, and let nothing else require a gradient."""
        solver = self.config.SOLVER
        groups = parameter_groups(self.model, solver.LR, solver.WEIGHT_DECAY, train_bn=not solver.FREEZE_BN)
        self.model.requires_grad_(False)
        for group in groups:
            for parameter in group["params"]:
                parameter.requires_grad_(True)
        return groups

    @cached_property
    def _wrapped(self) -> nn.Module:
        """The model, wrapped so that gradients are averaged over the processes if there are several.

        Wrapped at the first step: all processes are there, and the initial weights are loaded.
        """
        if self.world.size == 1:
            return self.model
        # The buffers are equal anyway: frozen, or synchronised by batch norm itself.
        return DistributedDataParallel(self.model, broadcast_buffers=False, gradient_as_bucket_view=True)

    def step(self, batches: Sequence[Batch]) -> None:
        """Train one iteration: sum the gradients of its batches, then take one step of the optimizer.

        Args:
            batches: this process's shares of SOLVER.ITER_SIZE batches.
        """
        if self.class_weights is None and self.config.SOLVER.CLASS_WEIGHTS is not None:
            raise RuntimeError("the class weights are not known yet")
        with self._undone_if_it_fails():
            total = self.world.all_reduce_sum(self._accumulate_gradients(batches))
        self.precision.step(self.optimizer)
        self.schedule.step()
        self.iteration += 1
        self.losses.append(total)

    def _accumulate_gradients(self, batches: Sequence[Batch]) -> Tensor:
        """Compute the gradients of the coming step; return this process's share of the loss."""
        total = torch.zeros((), device=self.device)
        self.optimizer.zero_grad()
        for number, (images, labels) in enumerate(batches, start=1):
            with self._no_gradient_sync() if number < len(batches) else nullcontext():
                loss = self._loss(images, labels) / len(batches)
                # DistributedDataParallel averages the gradients over the processes; the batch's gradient is their sum.
                self.precision.backward(loss * self.world.size)
            total += loss.detach()
        return total

    @contextmanager
    def _undone_if_it_fails(self) -> Iterator[None]:
        """Let a step that fails leave the state as it was, so that it can be saved when another process is lost.

        Until the optimizer changes the weights, these are the statistics of batch norm and the random numbers.
        """
        if self.world.size == 1:
            yield
            return
        buffers, rng = [buffer.clone() for buffer in self.model.buffers()], self._rng()
        try:
            yield
        except RuntimeError:
            for buffer, before in zip(self.model.buffers(), buffers, strict=True):
                buffer.copy_(before)
            self._restore_rng(rng)
            raise

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss of this process's share of a batch; the shares' losses sum to the batch's."""
        images = images.to(self.device, non_blocking=True, memory_format=self._memory_format)
        labels = labels.to(self.device, non_blocking=True)
        with self.precision.autocast():
            logits = self._wrapped(images)  # a list, (N, C, h, w) each, from a multi-scale model
        logits_list = logits if isinstance(logits, list) else [logits]
        return multi_scale_loss(
            logits_list,
            labels,
            self.config.DATASET.IGNORE_LABEL,
            self.world.all_reduce_sum,
            weights=self.class_weights,
            label_smoothing=self.config.SOLVER.LABEL_SMOOTHING,
            ohem=self.config.SOLVER.OHEM,
        )

    def _no_gradient_sync(self) -> AbstractContextManager[None]:
        """Return a context in which gradients accumulate without being averaged over the processes."""
        model = self._wrapped
        return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()

    def average_loss(self) -> float:
        """Average the loss over the last AVERAGE_LOSS iterations.

        Iterations whose loss overflowed in fp16 do not count; if there are no others, the average is NaN.
        """
        losses = torch.stack(list(self.losses))
        if self.precision.tolerates_overflow():
            losses = losses[losses.isfinite()]
        return float(losses.mean())

    def require_finite_loss(self) -> None:
        """Raise DeepLabError if the training diverged: its average loss is not finite, and fp16 is not the reason."""
        if not self.losses or self.precision.tolerates_overflow():
            return
        average = self.average_loss()
        if not math.isfinite(average):
            raise self._divergence(average)

    def require_progress(self) -> None:
        """Refuse the result of a run that has changed no weight. Raises DeepLabError if fp16 left out every step."""
        if self.precision.has_left_out_all(self.iteration):
            raise DeepLabError(
                f"Not one of the {self.iteration} iterations changed the weights, because all of them overflowed in"
                " half precision; set RUNTIME.PRECISION to bf16 or fp32."
            )

    def _divergence(self, loss: float) -> DeepLabError:
        found = f"the loss is {loss} at iteration {self.iteration}"
        if self.precision.has_left_out_all(self.iteration):
            return DeepLabError(
                f"Half precision overflows in the model from the first iteration on: {found}; set RUNTIME.PRECISION"
                " to bf16 or fp32."
            )
        lower = f"lower SOLVER.LR (now {self.config.SOLVER.LR:g})"
        if self.precision.scales:
            return DeepLabError(
                f"Half precision overflows, or training diverged: {found}; set RUNTIME.PRECISION to bf16 or fp32, and"
                f" if that does not help, {lower}."
            )
        return DeepLabError(f"Training diverged: {found}; {lower} or start from other weights.")

    def learning_rates(self) -> list[float]:
        """List the learning rate of each parameter group for the coming iteration."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def record_validation(self, mean_iou: float) -> bool:
        """Keep the mean IoU of the model at this iteration; return whether it is one of `best_iterations`."""
        self.validated = Validated(self.iteration, mean_iou)
        self.scores[self.iteration] = mean_iou
        self.n_since_best += 1
        if self.best is None or mean_iou > self.best.mean_iou:
            self.best, self.n_since_best = self.validated, 0
        return self.iteration in self.best_iterations()

    def is_best(self) -> bool:
        """Whether this iteration's validation is the best so far; False if there was none."""
        return self.best is not None and self.best.iteration == self.iteration

    def best_iterations(self) -> list[int]:
        """The iterations of the SOLVER.KEEP_BEST best validations, the best first; of equal ones the first counts."""
        by_score = sorted(self.scores, key=lambda iteration: (-self.scores[iteration], iteration))
        # The best one is counted apart: files of earlier versions hold no other scores.
        best = [] if self.best is None else [self.best.iteration]
        return [*best, *(each for each in by_score if each not in best)][: self.config.SOLVER.KEEP_BEST]

    def checkpoint(self, saved: Sequence[int] = ()) -> Checkpoint:
        """Collect everything needed to continue from here.

        Args:
            saved: iterations of this run whose checkpoints are on disk, for `Checkpoint.saved`.

        Raises:
            DeepLabError: if the loss is not finite.
        """
        self.require_finite_loss()
        return Checkpoint(
            iteration=self.iteration,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            schedule=self.schedule.state_dict(),
            rng=self._rng(),
            config=self.config.model_dump(mode="json"),
            seed=self.seed,
            losses=[float(loss) for loss in self.losses],
            validated=None if self.validated is None else asdict(self.validated),
            best=None if self.best is None else asdict(self.best),
            n_since_best=self.n_since_best,
            saved=list(saved),
            scores=dict(self.scores),
            class_weights=None if self.class_weights is None else self.class_weights.tolist(),
            scaler=self.precision.state_dict(),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of a run with the same config, but perhaps another length, and the same seed."""
        self.model.load_state_dict(checkpoint.model)
        restore_optimizer(self.optimizer, checkpoint.optimizer)
        self.schedule.load_state_dict(checkpoint.schedule)
        self.schedule.stretch(self.config.SOLVER.ITER_MAX)
        self.precision.load_state_dict(checkpoint.scaler)
        self._restore_rng(checkpoint.rng)
        if checkpoint.class_weights is not None:
            self.class_weights = torch.tensor(checkpoint.class_weights, device=self.device)
        self.iteration = checkpoint.iteration
        self.losses.extend(torch.tensor(loss, device=self.device) for loss in checkpoint.losses)
        # Scores on different splits do not compare.
        if checkpoint.config["DATASET"]["SPLIT"]["VAL"] == self.config.DATASET.SPLIT.VAL:
            self.validated = None if checkpoint.validated is None else Validated(**checkpoint.validated)
            self.best = None if checkpoint.best is None else Validated(**checkpoint.best)
            self.n_since_best = checkpoint.n_since_best
            self.scores = dict(checkpoint.scores)
        self._seed_by_rank()

    def _rng(self) -> dict[str, Any]:
        """The states of the generators of random numbers."""
        return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if self._on_gpu() else []}

    def _restore_rng(self, rng: Mapping[str, Any]) -> None:
        torch.set_rng_state(rng["cpu"])
        if self._on_gpu() and len(rng["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(rng["cuda"])

    def _seed_by_rank(self) -> None:
        """Make dropout differ between the processes, as it does between the images of a batch."""
        if not self.world.is_main:
            torch.manual_seed(self.seed + self.iteration + (self.world.rank << 32))

    def _on_gpu(self) -> bool:
        return self.device.type == "cuda"
