from web.results.comparing.trials import best_trials, heat_map
from worker.jobs.records.trials import Trial


def trials(*, equal: bool = False) -> list[Trial]:
    """Three parameters: A=1,2 B=10,20,30 C=5,6; the best is A=2 B=20 C=6. D has one value."""
    found: list[Trial] = []
    for a in (1, 2):
        for b in (10, 20, 30):
            for c in (5, 6):
                score = 0.5 if equal else 0.5 + 0.01 * a - 0.001 * abs(b - 20) + 0.002 * c
                found.append(Trial(len(found) + 1, {"A": a, "B": b, "C": c, "D": 1}, {"mean_iou": score}, False))
    best = max(found, key=lambda trial: (trial.scores["mean_iou"], -trial.number))
    return [Trial(each.number, each.setting, each.scores, each is best) for each in found]


def test_others_stand_at_the_best() -> None:
    heat = heat_map(trials())
    assert heat is not None
    assert (heat.axes, heat.x, heat.y, heat.fixed) == (["A", "B", "C"], "A", "B", {"C": 6})
    assert heat.columns == [1, 2]
    assert [value for value, _ in heat.rows] == [10, 20, 30]
    assert [cell.trial.setting["A"] for cell in heat.rows[0][1]] == [1, 2]
    assert heat.rows[1][1][1].strength == 5
    assert min(cell.strength for _, cells in heat.rows for cell in cells) == 0


def test_axes_are_chosen() -> None:
    for x, y, expected in (
        ("C", "A", ("C", "A")),
        (None, "A", ("B", "A")),
        ("B", "B", ("B", "A")),
        ("D", "x", ("A", "B")),
    ):
        heat = heat_map(trials(), x, y)
        assert heat is not None
        assert (heat.x, heat.y) == expected


def test_one_axis_is_a_single_row() -> None:
    line = [Trial(n, {"A": n}, {"mean_iou": 0.1 * n}, n == 3) for n in (1, 2, 3)]
    heat = heat_map(line)
    assert heat is not None
    assert (heat.x, heat.y, heat.rows[0][0]) == ("A", None, None)
    assert [cell.strength for cell in heat.rows[0][1]] == [0, 2, 5]
    assert heat_map(line[2:]) is None
    assert heat_map([]) is None


def test_equals_are_not_coloured_and_all_of_them_are_best() -> None:
    heat = heat_map(trials(equal=True))
    assert heat is not None
    assert {cell.strength for _, cells in heat.rows for cell in cells} == {0}
    assert len(best_trials(trials(equal=True))) == 12
    assert len(best_trials(trials())) == 1
