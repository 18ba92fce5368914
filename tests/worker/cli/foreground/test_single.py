import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from deeplab.models.build import build_model
from deeplab.releases import RELEASES
from tests.paths import CONFIGS
from tests.worker.cli.conftest import Deeplab


@pytest.mark.parametrize("options", [[], ["--crf"]])
def test_single_draws_a_figure(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path, options: list[str]
) -> None:
    image, figure = experiment / "unlabelled" / "scene_00.png", tmp_path / "new" / "figure.png"
    command = ["single", *output, "-m", experiment / "weights.pth", "-i", image, *options]
    ended = deeplab(*command, "-o", figure)
    assert ended.exit_code == 0, ended.output
    assert f"Figure: {figure}" in ended.stdout
    with Image.open(figure) as drawn:
        assert drawn.width > 2 * 96  # the image and at least one region

    found = json.loads(deeplab(*command, "-o", figure, "--json").stdout)
    assert found["figure"] == str(figure)
    assert sum(each["share"] for each in found["classes"]) == pytest.approx(1)


def test_published_weights_by_name(
    deeplab: Deeplab, experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    downloads = tmp_path / "hub" / "checkpoints"
    downloads.mkdir(parents=True)
    model = build_model("lraspp_mobilenet_v3_large", 21)
    torch.save(model.state_dict(), downloads / RELEASES["lraspp_mobilenet_v3_large"].file_name)
    config = CONFIGS / "voc12-lraspp.yaml"
    image = next((experiment / "images").rglob("*.*"))

    arguments = ["single", "-c", config, "--set", "DATASET.LABELS=", "-i", image, "-o", tmp_path / "figure.png"]
    named = deeplab(*arguments, "--cpu", "--json", "--weights", "COCO_WITH_VOC_LABELS_V1")
    configured = deeplab(*arguments, "--cpu", "--json")
    unknown = deeplab(*arguments, "--weights", "COCO_V9")

    assert named.exit_code == 0, named.output
    assert named.stdout == configured.stdout
    assert "'COCO_V9' is not a name of torchvision's weights for lraspp_mobilenet_v3_large" in unknown.output


def test_an_output_that_is_no_number_names_the_image_and_the_remedy(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    state = torch.load(experiment / "weights.pth")
    over = {key: value * 1e4 if key.endswith("bn.weight") else value for key, value in state.items()}
    torch.save(over, tmp_path / "over.pth")
    image = experiment / "unlabelled" / "scene_00.png"
    command = ["single", *output, "-m", tmp_path / "over.pth", "-i", image, "--cpu", "--json"]
    ended = deeplab(*command, "-o", tmp_path / "figure.png", "--precision", "fp16")
    assert ended.exit_code == 1
    assert ended.stderr == (
        f"Error: {image}: The model's output is NaN or infinite: it overflows in half precision; set"
        " RUNTIME.PRECISION to bf16 or fp32.\n"
    )
    assert not (tmp_path / "figure.png").exists()


def test_windows_keep_the_size_of_the_image(
    deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path
) -> None:
    image = experiment / "unlabelled" / "scene_00.png"
    command = ["single", *output, "-m", experiment / "weights.pth", "-i", image, "--set", "IMAGE.SIZE.TEST=20"]
    widths = {}
    for mode in ("whole", "slide"):
        figure = tmp_path / f"{mode}.png"
        assert deeplab(*command, "--mode", mode, "--window", 32, "-o", figure, "--json").exit_code == 0
        with Image.open(figure) as drawn:
            widths[mode] = drawn.width
    assert widths["slide"] > 2 * 96 > widths["whole"]
