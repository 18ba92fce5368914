"""The original's models, imported from a checkout, with the steps that its scripts take around them."""

import importlib
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from deeplab.datasets.transforms import normalize
from deeplab.models.batch_norm import freeze_batch_norm
from deeplab.training.optim import parameter_groups

_MEAN_BGR = (104.008, 116.669, 122.675)


class Peer:
    """One of the original's models on a device."""

    def __init__(self, checkout: Path, name: str, weights: dict[str, Tensor], n_classes: int, device: torch.device):
        if not (checkout / "libs" / "models").is_dir():
            raise SystemExit(f"{checkout}: is not a checkout of the original; expected libs/models in it.")
        sys.path.insert(0, str(checkout))
        models = importlib.import_module("libs.models")
        if not hasattr(models, name):
            raise SystemExit(f"{checkout}: the original has no {name}; leave --peer away or name another model.")
        self.device = device
        self.model: nn.Module = getattr(models, name)(n_classes=n_classes)
        self.model.load_state_dict(weights)
        self.model.to(device)

    def start_evaluation(self) -> None:
        """As its `test` begins."""
        self.model.eval()

    @torch.no_grad()
    def label(self, image: NDArray[np.uint8]) -> NDArray[np.int64]:
        """As its `test` labels an image, (H, W, 3) uint8 RGB -> (H, W)."""
        logits = self.model(normalize(image, _MEAN_BGR)[None].to(self.device))
        upsampled = functional.interpolate(logits, size=image.shape[:2], mode="bilinear", align_corners=False)
        labels: NDArray[np.int64] = functional.softmax(upsampled, dim=1).argmax(dim=1)[0].cpu().numpy()
        return labels

    def start_training(self, lr: float) -> None:
        """As its `train` begins; batch norm stays as it is, though its parameters get gradients there."""
        self.model.train()
        freeze_batch_norm(self.model)
        self.optimizer = torch.optim.SGD(parameter_groups(self.model, lr, 5e-4), momentum=0.9)

    def train(self, images: Tensor, labels: Tensor) -> float:
        """One iteration on images (N, 3, H, W) and labels (N, H, W), as its `train` does it; returns the loss."""
        self.optimizer.zero_grad()
        loss = torch.zeros((), device=self.device)
        for logits in self.model(images.to(self.device)):
            resized = [_resize(each.numpy(), logits.shape[3], logits.shape[2]) for each in labels]
            target = torch.from_numpy(np.stack(resized)).to(self.device)
            loss = loss + functional.cross_entropy(logits, target, ignore_index=255)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return float(loss.detach())


def _resize(labels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.int64]:
    resized = Image.fromarray(labels.astype(np.float32)).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized).astype(np.int64)
