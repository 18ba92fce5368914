from pathlib import Path

import pytest

from worker.jobs.records.checkpoint_ref import CheckpointRef
from worker.jobs.requests.specs import EvaluateSpec


@pytest.mark.parametrize(("text", "spelling"), [("3", "3"), ("007", "7"), ("9" * 22, "9" * 22)])
def test_digits_are_an_id(text: str, spelling: str) -> None:
    ref = CheckpointRef.parse(text)
    assert (ref.id, ref.path, ref.text) == (int(text), None, spelling)
    assert str(ref) == f"checkpoint {spelling}"
    assert ref == CheckpointRef.of_id(int(text))


@pytest.mark.parametrize("text", ["/data/deeplab.pth", "weights//3", "-3", "3.0", "\u0663", "9" * 5000])
def test_anything_else_is_a_path(text: str) -> None:
    ref = CheckpointRef.parse(text)
    assert (ref.id, ref.path, ref.text) == (None, Path(text), text)
    assert str(ref) == text


def test_a_request_spells_an_id_in_one_way() -> None:
    spec = EvaluateSpec(checkpoint=" 007 ")
    assert spec.checkpoint == "7"
    assert spec.checkpoint_ref.id == 7
