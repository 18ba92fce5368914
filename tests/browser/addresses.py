"""The pages of a dashboard in which everything has happened once."""

from tests.web.population import Population
from worker.jobs.catalog import KINDS
from worker.jobs.results.record import item_key


def addresses(population: Population) -> list[str]:
    jobs = [value for value in vars(population).values() if isinstance(value, int)]
    return [
        "/jobs",
        *(f"/jobs/{job_id}" for job_id in sorted(set(jobs))),
        *(f"/jobs/new/{kind}" for kind in KINDS),
        f"/jobs/{population.segmented}/results",
        f"/jobs/{population.segmented}/results?only=errors",
        f"/jobs/{population.segmented}/results?class=1&min_share=0.1&sort=-share",
        f"/jobs/{population.evaluated}/results?true=1&predicted=0&sort=-pixels",
        f"/jobs/{population.cancelled}/results",
        f"/jobs/{population.segmented}/results/{item_key('000.jpg')}",
        f"/jobs/{population.running}/log?search=loss",
        "/checkpoints",
        "/evaluations",
        f"/evaluations/compare?job={population.evaluated}&job={population.refined}",
        f"/evaluations/compare/images?job={population.evaluated}&job={population.refined}",
        f"/evaluations/{population.evaluated}/confusion",
        f"/jobs/compare?job={population.trained}&job={population.validated}",
        f"/jobs/{population.searched}/trials",
        "/jobs/new/train?dataset=shapes&preset=fast-cpu",
        "/datasets",
        "/start",
        "/start/shapes",
        "/experiments",
        "/search?q=shapes",
        "/datasets/shapes",
        "/datasets/shapes/splits/train",
        f"/datasets/shapes/splits/train/{item_key('1')}",
        "/workers",
        "/disk?look=1",
    ]
