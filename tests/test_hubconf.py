"""torch.hub in an interpreter that has PyTorch and what PyTorch needs, and nothing else."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from deeplab.errors import CheckpointError
from deeplab.models.build import build_model
from deeplab.models.weights.state_dict import save_weights
from deeplab.releases import RELEASES
from hubconf import deeplabv2_resnet101
from tests.paths import ROOT


def distributions_for(name: str, found: set[str]) -> set[str]:
    """The names of a distribution and of all that it requires here."""
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:  # for another platform
        return found
    found.add(name)
    for requirement in map(Requirement, requirements):
        if requirement.name not in found and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            distributions_for(requirement.name, found)
    return found


@pytest.fixture(scope="module")
def only_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with those alone."""
    folder = tmp_path_factory.mktemp("packages")
    for name in distributions_for("torch", set()):
        for file in distribution(name).files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution(name).locate_file(top))).resolve())
    return folder


def test_the_model_comes_from_a_clone(only_torch: Path, tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.append({str(only_torch)!r})
import torch
model = torch.hub.load({str(ROOT)!r}, "deeplabv2_resnet101", source="local", n_classes=182)
print(len(model.state_dict()), model.state_dict()["base.aspp.c0.weight"].shape[0])
with torch.no_grad():
    print(tuple(model.eval()(torch.zeros(1, 3, 33, 33)).shape))
print(sorted({{"numpy", "torchvision", "pydantic", "PIL", "yaml"}} & set(sys.modules)))
"""
    # -I and -S: neither this environment's packages nor its variables for Python.
    command = [sys.executable, "-I", "-S", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.stdout.splitlines() == ["632 182", "(1, 182, 5, 5)", "[]"], result.stderr


def test_pretrained_weights_are_taken_from_the_folder_of_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    weights = build_model("DeepLabV2_ResNet101_MSC", 21).state_dict()
    torch.save(weights, folder / RELEASES["voc12"].file_name)

    model = torch.hub.load(  # type: ignore[no-untyped-call]
        str(ROOT), "deeplabv2_resnet101", source="local", pretrained="voc12"
    )

    assert torch.equal(model.get_parameter("base.aspp.c3.weight"), weights["base.aspp.c3.weight"])
    (folder / RELEASES["voc12"].file_name).unlink()


def test_without_internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with pytest.raises(
        CheckpointError, match=r"vocaug-20000\.pth: is not available \(.*\); a copy at .*/hub/checkpoints/"
    ):
        deeplabv2_resnet101("voc12")


def test_scales() -> None:
    assert deeplabv2_resnet101(n_classes=2, scales=[0.5]).scales == (0.5,)


@pytest.mark.parametrize(
    ("pretrained", "n_classes", "message"),
    [
        ("voc12", 182, "pretrained='voc12' has 21 classes, not 182."),
        (
            "ade20k",
            None,
            "pretrained='ade20k' is not a published set of weights; valid names: voc12, cocostuff10k, coco",
        ),
    ],
)
def test_weights_that_do_not_fit(pretrained: str, n_classes: int | None, message: str) -> None:
    with pytest.raises(Exception, match=message.replace(".", r"\.")):
        deeplabv2_resnet101(pretrained, n_classes)


def test_the_lines_for_weights_that_were_trained_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of docs/weights.md, with the file that a training leaves."""
    page = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8").partition("## Weights for other code")[2]
    lines = page.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    expected = build_model("DeepLabV2_ResNet101_MSC", 21).state_dict()
    save_weights(Path("weights_final.pth"), expected)
    found: dict[str, torch.nn.Module] = {}
    exec(lines.replace("path/to/clone", str(ROOT)), found)  # noqa: S102 -- a page of ours
    key = "base.layer5.block3.increase.conv.weight"
    assert torch.equal(found["model"].state_dict()[key], expected[key])
