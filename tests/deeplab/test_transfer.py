"""Copies out of a GPU's memory."""

import pytest
import torch

from deeplab.transfer import Transfer


def test_what_lies_in_the_computers_memory_arrives_as_it_is() -> None:
    tensor = torch.arange(3)
    (arrived,) = Transfer([tensor]).arrived()
    assert arrived is tensor


@pytest.mark.gpu
def test_nobody_waits_for_a_copy_that_is_not_read() -> None:
    tensor = torch.arange(1000, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        transfer = Transfer([tensor, torch.ones(())])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    copied, own = transfer.arrived()
    assert torch.equal(copied, torch.arange(1000))
    assert bool(own)
