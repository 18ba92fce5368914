from worker.jobs.broker.queue import channels


def test_a_worker_hears_of_the_jobs_that_it_has_enough_gpus_for() -> None:
    assert channels("cpu", 0) == ["cpu"]
    assert channels("gpu", 1) == ["gpu"]
    assert channels("gpu", 4) == ["gpu", "gpu.2", "gpu.3", "gpu.4"]
