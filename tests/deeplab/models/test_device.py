import pytest
import torch

from deeplab.errors import DeepLabError
from deeplab.models.device import choose_device


def test_auto_takes_a_gpu_where_there_is_one() -> None:
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == torch.device("cpu")


def test_absent_and_unknown_devices_are_refused() -> None:
    with pytest.raises(DeepLabError, match="no device cuda:99 on this machine"):
        choose_device("cuda:99")
    with pytest.raises(DeepLabError, match="'quantum' is not a device; expected auto, cpu, cuda"):
        choose_device("quantum")
