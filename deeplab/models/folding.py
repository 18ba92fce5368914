"""Batch norm folded into convolutions: the same answers in evaluation, with less to compute."""

from itertools import pairwise

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(network: nn.Module) -> None:
    """Scale and shift the weights of convolutions as the batch norms behind them would scale and shift the output.

    Args:
        network: in evaluation mode; changed in place, and with it the keys and values of its state dict. Batch norms
            that do not follow a convolution in an `nn.Sequential` stay.
    """
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for (conv_name, conv), (norm_name, norm) in pairwise(list(sequence.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, _BatchNorm):
                setattr(sequence, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(sequence, norm_name, nn.Identity())
