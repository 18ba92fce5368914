"""Fold batch norms into convolutions: the same output in evaluation, with less to compute."""

import copy
from collections.abc import Iterator
from itertools import pairwise

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights


def folded_copy(model: nn.Module) -> nn.Module:
    """Copy a model with its batch norms folded, without gradients; what is folded is not copied first."""
    replaced = [tensor for *_, conv, norm in _pairs(model) for tensor in (*conv.parameters(), *norm.parameters())]
    shared = {id(each): nn.Parameter(each.detach(), requires_grad=False) for each in replaced}
    folded = copy.deepcopy(model, shared).eval().requires_grad_(False)
    fold_batch_norm(folded)
    return folded


def fold_batch_norm(model: nn.Module) -> None:
    """Fold every batch norm that follows a convolution in an `nn.Sequential` into that convolution; others stay.

    Args:
        model: in evaluation mode; is changed in place, so that its state dict has other keys and values.
    """
    for sequence, name, conv, norm in list(_pairs(model)):
        mean, var = norm.running_mean, norm.running_var
        if mean is None or var is None:
            continue
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, mean, var, norm.eps, norm.weight, norm.bias
        )
        setattr(sequence, name, nn.Identity())


def _pairs(model: nn.Module) -> Iterator[tuple[nn.Sequential, str, nn.Conv2d, _BatchNorm]]:
    """Each convolution with the batch norm that follows it: where the latter is, its name there, and both."""
    for sequence in model.modules():
        if isinstance(sequence, nn.Sequential):
            for (_, conv), (name, norm) in pairwise(sequence.named_children()):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, _BatchNorm):
                    yield sequence, name, conv, norm
