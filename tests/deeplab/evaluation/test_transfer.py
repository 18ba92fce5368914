"""Copies out of a GPU's memory."""

import pytest
import torch

from deeplab.evaluation.transfer import Transfer


def test_what_lies_in_the_computers_memory_arrives_as_it_is() -> None:
    tensor = torch.arange(3)
    assert Transfer({"a": tensor}).arrived()["a"] is tensor


@pytest.mark.gpu
def test_nobody_waits_for_a_copy_that_is_not_read() -> None:
    tensor = torch.arange(1000, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        transfer = Transfer({"there": tensor, "here": torch.ones(())})
    finally:
        torch.cuda.set_sync_debug_mode("default")
    arrived = transfer.arrived()
    assert torch.equal(arrived["there"], torch.arange(1000))
    assert bool(arrived["here"])
