"""GPUs that processes take from each other, with real processes."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import pytest

from worker.execution.gpu_locks import GpuLocks

FORK = multiprocessing.get_context("fork")


class Taker:
    """A process that takes GPUs when it is made, and gives them back when it is told to."""

    def __init__(self, locks: GpuLocks, n_gpus: int, among: list[int]) -> None:
        self._pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=self._run, args=(locks, n_gpus, among, theirs))
        self.process.start()
        theirs.close()

    @staticmethod
    def _run(locks: GpuLocks, n_gpus: int, among: list[int], pipe: Connection) -> None:
        def is_wanted() -> bool:
            pipe.send("waits")
            return not pipe.poll()

        with locks.held(n_gpus, among, is_wanted) as taken:
            pipe.send(taken)
            pipe.recv()
        pipe.send("gone")

    def hear(self) -> object:
        """What it says next: the numbers of its GPUs, "waits", None when it gave up, or "gone"."""
        assert self._pipe.poll(20)
        return self._pipe.recv()

    def taken(self) -> object:
        """Its GPUs; waits for them."""
        while (said := self.hear()) == "waits":
            pass
        return said

    def end(self) -> None:
        self._pipe.send("end")

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@pytest.fixture
def take() -> Iterator[Callable[..., Taker]]:
    takers: list[Taker] = []

    def start(locks: GpuLocks, n_gpus: int = 1, among: list[int] | None = None) -> Taker:
        takers.append(Taker(locks, n_gpus, among or [0, 1]))
        return takers[-1]

    yield start
    for taker in takers:
        taker.kill()


def test_each_gpu_is_taken_once(take: Callable[..., Taker]) -> None:
    locks = GpuLocks(2, 2)
    first = take(locks)
    assert first.taken() == [0]
    second = take(locks)
    assert second.taken() == [1]
    third = take(locks)
    assert third.hear() == "waits"
    first.end()
    assert third.taken() == [0]


def test_the_death_of_a_process_frees_its_gpus(take: Callable[..., Taker]) -> None:
    locks = GpuLocks(2, 2)
    first = take(locks, 2)
    assert first.taken() == [0, 1]
    second = take(locks, 2)
    assert second.hear() == "waits"
    first.kill()
    assert second.taken() == [0, 1]


def test_while_a_job_waits_for_several_no_other_takes_what_becomes_free(take: Callable[..., Taker]) -> None:
    locks = GpuLocks(2, 2)
    first, both = take(locks), take(locks, 2)
    assert first.taken() == [0]
    assert both.hear() == "waits"
    late = take(locks)  # GPU 1 is free
    assert late.hear() == "waits"
    assert late.hear() == "waits"
    first.end()
    assert both.taken() == [0, 1]
    both.end()
    assert late.taken() == [0]


def test_two_that_need_all_gpus_take_them_one_after_the_other(take: Callable[..., Taker]) -> None:
    locks = GpuLocks(2, 2)
    pair = [take(locks, 2), take(locks, 2)]
    done = 0
    while done < 2:
        for taker in pair:
            if taker.process.is_alive() and taker.hear() == [0, 1]:
                taker.end()
                assert taker.hear() == "gone"
                taker.process.join()
                done += 1


def test_who_gives_up_leaves_the_way_to_others(take: Callable[..., Taker]) -> None:
    locks = GpuLocks(2, 2)
    first, both = take(locks), take(locks, 2)
    assert first.taken() == [0]
    assert both.hear() == "waits"
    both.end()
    assert both.taken() is None
    assert take(locks).taken() == [1]


def test_slots_may_share_gpus_but_not_with_a_job_that_asks_for_several(take: Callable[..., Taker]) -> None:
    locks = GpuLocks(2, 4)
    four = [take(locks) for _ in range(4)]
    assert sorted(str(each.taken()) for each in four) == ["[0]", "[0]", "[1]", "[1]"]
    both = take(locks, 2)
    assert both.hear() == "waits"
    for each in four[1:]:
        each.end()
        assert each.hear() == "gone"
    assert both.hear() == "waits"
    four[0].end()
    assert both.taken() == [0, 1]


def test_only_those_that_can_be_used_are_taken(take: Callable[..., Taker]) -> None:
    locks = GpuLocks(3, 3)
    assert take(locks, 2, [0, 2]).taken() == [0, 2]
    assert take(locks, 1, [0, 1, 2]).taken() == [1]
