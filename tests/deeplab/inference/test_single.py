from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.nn import functional

from deeplab.images.palette import palette
from deeplab.images.resize import resize_planes
from deeplab.inference.panels import draw_panels, save_figure
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.single import segment_image
from tests.deeplab.inference.conftest import tiny_segmenter


def test_the_longer_side_is_that_of_the_test_images(segmenter: Segmenter) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 32, 3), np.uint8)
    result = segment_image(segmenter, image)
    assert result.image.shape == (40, 64, 3)
    assert np.array_equal(result.label_map, segmenter.predict([result.image])[0])
    assert segment_image(segmenter, image[:1, :1]).label_map.shape == (64, 64)


def test_the_crf_sees_what_the_original_gives_it() -> None:
    """Its demo: probabilities upsampled to the resized image, which goes to pydensecrf as BGR."""
    reference = pytest.importorskip("pydensecrf.densecrf")
    unary_from_softmax = pytest.importorskip("pydensecrf.utils").unary_from_softmax
    segmenter = tiny_segmenter(crf=True, CRF={"BI_W": 20, "BI_RGB_STD": 20})
    cloudy = np.random.default_rng(0).uniform(0, 255, (3, 6, 8)).astype(np.float32)
    result = segment_image(segmenter, resize_planes(cloudy, 36, 48).transpose(1, 2, 0).astype(np.uint8))
    height, width = result.image.shape[:2]
    logits = segmenter.logits([result.image])
    upsampled = functional.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
    crf = reference.DenseCRF2D(width, height, 4)
    crf.setUnaryEnergy(np.ascontiguousarray(unary_from_softmax(upsampled.softmax(dim=1)[0].numpy())))
    crf.addPairwiseGaussian(sxy=1, compat=3)
    crf.addPairwiseBilateral(sxy=67, srgb=20, rgbim=np.ascontiguousarray(result.image[..., ::-1]), compat=20)
    expected = np.array(crf.inference(10)).reshape(4, height, width).argmax(axis=0)
    assert (result.label_map != segment_image(tiny_segmenter(), result.image).label_map).any()
    assert (result.label_map == expected).mean() > 0.9999


def test_one_panel_for_the_image_and_one_for_each_class(tmp_path: Path) -> None:
    image = np.full((30, 40, 3), 100, np.uint8)
    label_map = np.zeros((30, 40), np.uint8)
    label_map[:, 20:] = 2
    figure = draw_panels(image, label_map, ["sky", "road", "car, auto"], palette())
    assert figure.size == (8 + 3 * 48, 24 + 30 + 8)
    pixels = np.asarray(figure)
    assert pixels[40, 8 + 20].tolist() == [100, 100, 100]
    last = 8 + 2 * 48
    assert pixels[40, last + 30].tolist() == ((100 + palette()[2].astype(int)) // 2).tolist()  # the region's colour
    assert pixels[40, last + 10].tolist() == [216, 216, 216]  # pale outside of it
    save_figure(tmp_path / "new" / "figure.png", figure)
    with Image.open(tmp_path / "new" / "figure.png") as saved:
        assert saved.size == figure.size


def test_figures_of_many_classes_stay_small() -> None:
    label_map = np.arange(100, dtype=np.uint8).reshape(10, 10).repeat(50, axis=0).repeat(50, axis=1)
    names = [str(index) for index in range(100)]
    figure = draw_panels(np.zeros((500, 500, 3), np.uint8), label_map, names, palette())
    assert max(figure.size) < 2800
