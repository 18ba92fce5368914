from tests.worker.store import submit
from worker.jobs.database import open_session
from worker.jobs.records import evaluations
from worker.jobs.settings import Settings

SCORES = {"mean_iou": 0.5, "labels": ["sky", "road"], "n_images": 3}


def test_scores_of_a_repeated_attempt_replace_the_earlier_ones(store: Settings) -> None:
    with open_session(store) as session:
        job = submit(session, store)
        assert evaluations.find(session, job.id) is None
        for mean_iou in (0.25, 0.5):
            evaluations.add(
                session,
                job.id,
                checkpoint="weights.pth",
                dataset="streets",
                split="val",
                settings={"crf": {"POS_W": 3.0}},
                scores={**SCORES, "mean_iou": mean_iou},
            )
        [line] = evaluations.read_evaluation_page(session, limit=9).lines
        evaluation = evaluations.find(session, job.id)
        assert evaluation is not None
        assert (line.id, line.mean_iou, line.settings) == (evaluation.id, 0.5, evaluation.settings)
        assert (evaluation.mean_iou, evaluation.scores, evaluation.split) == (0.5, SCORES, "val")
        assert evaluation.settings == {"crf": {"POS_W": 3.0}}
