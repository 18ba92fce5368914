from pathlib import Path

import pytest
from PIL import Image

from deeplab.config import Config, parse_config
from deeplab.crf.grid import parse_grid
from deeplab.crf.refinement import refine
from deeplab.crf.search import Trial, best_of, draw_sample, search
from deeplab.errors import DatasetError
from deeplab.reporter import SilentReporter, Stopped
from tests.deeplab.crf.conftest import N_IMAGES
from tests.reporters import Recorder

SETTINGS = parse_grid(["BI_W=0,30", "BI_RGB_STD=30", "ITER_MAX=0,5"])


def same(trials: list[Trial], others: list[Trial]) -> bool:
    return all(
        one.setting == other.setting and (one.scores.confusion == other.scores.confusion).all()
        for one, other in zip(trials, others, strict=True)
    )


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_each_trial_is_what_refining_gives(tmp_path: Path, config: Config, backend: str) -> None:
    recorder = Recorder()
    config = parse_config({**config.model_dump(mode="json"), "CRF": {"BACKEND": backend}}, "test")
    trials = search(config, tmp_path / "logits", SETTINGS, recorder, jobs=2, device="cpu")
    assert [trial.setting for trial in trials] == SETTINGS
    assert recorder.progressed == [(done, N_IMAGES * len(SETTINGS), "refinement") for done in range(N_IMAGES * 4 + 1)]
    for trial in trials:
        crf = {**trial.setting, "BACKEND": backend}
        single = parse_config({**config.model_dump(mode="json"), "CRF": crf}, "test")
        alone = refine(single, tmp_path / "logits", SilentReporter(), jobs=1, device="cpu")
        assert (trial.scores.confusion == alone.confusion).all()
        assert trial.scores["n_images"] == N_IMAGES
    assert len({trial.scores["mean_iou"] for trial in trials}) > 2
    assert best_of(trials).scores["mean_iou"] == max(trial.scores["mean_iou"] for trial in trials)


def test_a_sample_is_drawn_by_its_seed_and_is_all_if_there_are_no_more(caplog: pytest.LogCaptureFixture) -> None:
    assert draw_sample(100, 5, seed=0) == draw_sample(100, 5, seed=0)
    assert draw_sample(100, 5, seed=0) != draw_sample(100, 5, seed=1)
    drawn = draw_sample(100, 99, seed=3)
    assert len(set(drawn)) == 99
    assert drawn == sorted(drawn)
    assert draw_sample(4, None, seed=0) == draw_sample(4, 4, seed=0) == [0, 1, 2, 3]
    assert not caplog.messages
    assert draw_sample(4, 9, seed=0) == [0, 1, 2, 3]
    assert caplog.messages == ["The split has 4 images, fewer than the sample of 9; all are used."]


def test_only_the_sample_needs_logits(tmp_path: Path, config: Config) -> None:
    (tmp_path / "logits" / f"sub/{draw_sample(N_IMAGES, 1, seed=0)[0]}.npy").rename(tmp_path / "kept.npy")
    with pytest.raises(DatasetError, match="the logits of 1 of 1 images are missing"):
        search(config, tmp_path / "logits", SETTINGS, SilentReporter(), sample=1)
    (tmp_path / "kept.npy").rename(tmp_path / "logits" / f"sub/{draw_sample(N_IMAGES, 1, seed=0)[0]}.npy")
    trials = search(config, tmp_path / "logits", SETTINGS, SilentReporter(), sample=1)
    assert [trial.scores["n_images"] for trial in trials] == [1] * 4


@pytest.mark.parametrize("n_done", [1, 4, 6, 11])
def test_a_stopped_search_resumes_after_its_last_whole_image(tmp_path: Path, config: Config, n_done: int) -> None:
    whole = search(config, tmp_path / "logits", SETTINGS, SilentReporter(), jobs=2)
    save = tmp_path / "new" / "search.npz"
    with pytest.raises(Stopped, match=f"Stopped after {n_done} of 12 refinements"):
        search(config, tmp_path / "logits", SETTINGS, Recorder(stop_after=1 + n_done), jobs=2, save=save)
    recorder = Recorder()
    resumed = search(config, tmp_path / "logits", SETTINGS, recorder, jobs=2, resume=save)
    assert recorder.progressed[0] == (n_done // 4 * 4, 12, "refinement")
    assert same(resumed, whole)


def test_the_file_of_another_search_is_not_resumed(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    save = tmp_path / "search.npz"
    with pytest.raises(Stopped):
        search(config, tmp_path / "logits", SETTINGS[:2], Recorder(stop_after=1 + 2), save=save)
    whole = search(config, tmp_path / "logits", SETTINGS, SilentReporter(), resume=save)
    assert caplog.messages == [f"{save}: is of another search; this one starts over."]
    save.write_bytes(b"torn")
    assert same(search(config, tmp_path / "logits", SETTINGS, SilentReporter(), resume=save), whole)
    assert "cannot be read" in caplog.messages[1]


def test_a_split_without_classes_is_refused(tmp_path: Path, config: Config) -> None:
    for mask in (tmp_path / "masks" / "sub").iterdir():
        Image.new("L", (32, 24), 255).save(mask)
    with pytest.raises(DatasetError, match="no pixel of the subset has a class"):
        search(config, tmp_path / "logits", SETTINGS, SilentReporter())
    with pytest.raises(DatasetError, match="no pixel of the split has a class"):
        refine(config, tmp_path / "logits", SilentReporter())
