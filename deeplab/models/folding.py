"""Fold batch norms into convolutions: the same output in evaluation, with less to compute."""

from itertools import pairwise

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(model: nn.Module) -> None:
    """Fold every batch norm that follows a convolution in an `nn.Sequential` into that convolution; others stay.

    Args:
        model: in evaluation mode; is changed in place, so that its state dict has other keys and values.
    """
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for (conv_name, conv), (norm_name, norm) in pairwise(list(sequence.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, _BatchNorm):
                setattr(sequence, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(sequence, norm_name, nn.Identity())
