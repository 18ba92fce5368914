import pytest

from worker.jobs import storage
from worker.jobs.settings import Settings


def test_everything_of_an_attempt_is_in_its_folder(settings: Settings) -> None:
    folder = settings.home / "jobs" / "3" / "7"
    assert storage.attempt_dir(settings, 3, 7) == folder
    assert storage.log_path(settings, 3, 7) == storage.log_in(folder)
    assert storage.logits_dir(settings, 3, 7).parent == folder
    assert storage.shard_manifest_path(settings, 3, 7, 5, 2).parent == folder
    assert storage.assistant_dir(settings, 3, 7, "gpu@a.b/12") == folder / "assist-gpu@a.b-12"


def test_the_manifests_of_earlier_claims_are_found_in_all_attempts(settings: Settings) -> None:
    wanted = [storage.shard_manifest_path(settings, 3, *numbers) for numbers in [(1, 5, 1), (1, 5, 2), (2, 5, 3)]]
    others = [storage.shard_manifest_path(settings, 3, *numbers) for numbers in [(1, 55, 1), (2, 5, 4), (3, 5, 1)]]
    for path in [*wanted, *others]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert storage.earlier_shard_manifests(settings, 3, 2, 5, 4) == wanted


def test_a_folder_that_was_asked_for_is_made_absolute(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(settings.home.parent)
    assert storage.output_dir(settings, 3) == settings.home / "jobs" / "3" / "output"
    assert storage.output_dir(settings, 3, "masks/new") == settings.home.parent / "masks" / "new"
