import psutil
import pytest

from deeplab.densecrf import Plan, plan_workers
from deeplab.densecrf.cpu.kernels.chunks import Chunks
from deeplab.densecrf.cpu.team import Team, even_ranges
from deeplab.densecrf.cpu.workers import workspace_bytes
from deeplab.processes import n_cpus


def test_an_image_for_each_core() -> None:
    assert plan_workers(100, 500 * 375, 21, cores=4) == Plan(workers=4, threads=1)


def test_few_images_share_the_cores() -> None:
    assert plan_workers(1, 500 * 375, 21, cores=4) == Plan(workers=1, threads=4)
    assert plan_workers(2, 500 * 375, 21, cores=5) == Plan(workers=2, threads=2)
    assert plan_workers(0, 500 * 375, 21, cores=4) == Plan(workers=1, threads=4)


def test_memory_bounds_the_workers() -> None:
    n_pixels = psutil.virtual_memory().total // workspace_bytes(1, 182)
    assert plan_workers(100, n_pixels, 182, cores=8, exact=True) == Plan(workers=1, threads=8)


def test_all_cores_by_default() -> None:
    assert plan_workers(10_000, 100, 2) == Plan(workers=n_cpus(), threads=1)


@pytest.mark.parametrize(
    ("n_classes", "lanes"),
    [
        (1, (4,)),
        (4, (4,)),
        (8, (8,)),
        (9, (12,)),
        (21, (24,)),
        (25, (28,)),
        (32, (32,)),
        (33, (32, 4)),
        (182, (32, 32, 32, 32, 32, 24)),
    ],
)
def test_chunks(n_classes: int, lanes: tuple[int, ...]) -> None:
    assert Chunks(n_classes).lanes == lanes


@pytest.mark.parametrize(("size", "parts"), [(1, 4), (7, 3), (8, 8), (100, 1)])
def test_even_ranges(size: int, parts: int) -> None:
    ranges = even_ranges(size, parts)
    assert [i for first, last in ranges for i in range(first, last)] == list(range(size))
    assert len(ranges) == min(size, parts)


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_team_runs_everything_once(n_threads: int) -> None:
    done: list[int] = []
    with Team(n_threads) as team:
        team.run([lambda i=i: done.append(i) for i in range(20)])  # type: ignore[misc]
        team.run([])
    assert sorted(done) == list(range(20))


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("failing", [0, 5, 9])
def test_team_passes_errors_on(n_threads: int, failing: int) -> None:
    def task(i: int) -> None:
        if i == failing:
            raise ValueError(i)

    with Team(n_threads) as team, pytest.raises(ValueError, match=str(failing)):
        team.run([lambda i=i: task(i) for i in range(10)])  # type: ignore[misc]
