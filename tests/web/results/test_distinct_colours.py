import numpy as np
import pytest

from web.results.distinct_colours import distinct_colours


@pytest.mark.parametrize(("n", "least"), [(11, 90), (21, 60), (255, 20)])
def test_distinct_colours_differ_from_one_another_and_from_both_grounds(n: int, least: int) -> None:
    colours = distinct_colours()[:n].astype(int)
    assert len({tuple(each) for each in colours.tolist()}) == n
    apart = np.abs(colours[:, None] - colours[None, :]).sum(axis=-1)
    assert apart[~np.eye(n, dtype=bool)].min() >= least / 2
    brightness = colours @ (0.2126, 0.7152, 0.0722)
    assert brightness.min() > 30
    assert brightness.max() < 235
