import pytest

from worker.jobs.watching.reasons import reason


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("masks/3.png: holds class 7.", "masks/3.png: holds class 7."),
        ("/home/me/jobs/2/1/best.pth: is damaged.", "Is damaged (best.pth)."),
        ("/a b/c.pth: has 2 keys: x.", "Has 2 keys: x (c.pth)."),
        ("Failed after 3 attempts. Last one: /a/b.png: is no image.", "Is no image (b.png)."),
        ("Checkpoint 3 is damaged: /data/jobs/1/x.pth has changed.", "Checkpoint 3 is damaged: x.pth has changed."),
        ("KeyError: 'loss'", "KeyError: 'loss'"),
        ("see https://host/a/b", "see https://host/a/b"),
        ("", ""),
    ],
)
def test_the_reason_comes_before_the_path(error: str, text: str) -> None:
    assert reason(error) == text
