"""The models, as `build_model(name, n_classes)`. Needs nothing but PyTorch, so that torch.hub can build them."""

from deeplab.models.batch_norm import freeze_batch_norm
from deeplab.models.build import build_model

__all__ = ["build_model", "freeze_batch_norm"]
