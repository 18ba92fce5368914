import pytest

from deeplab.crf.grid import PARAMETERS, as_overrides, parse_grid
from deeplab.errors import ConfigError
from deeplab.schema import Crf


def test_every_combination_the_last_parameter_fastest() -> None:
    settings = parse_grid(["BI_W=2,4", " crf.iter_max = 5, 10"])
    assert settings == [
        {"BI_W": 2.0, "ITER_MAX": 5},
        {"BI_W": 2.0, "ITER_MAX": 10},
        {"BI_W": 4.0, "ITER_MAX": 5},
        {"BI_W": 4.0, "ITER_MAX": 10},
    ]
    assert as_overrides(settings[0]) == ["CRF.BI_W=2", "CRF.ITER_MAX=5"]
    assert parse_grid(["POS_W=0.5"]) == [{"POS_W": 0.5}]


def test_the_parameters_are_keys_of_the_configuration() -> None:
    assert set(PARAMETERS) == set(Crf.model_fields) - {"BACKEND", "EXACT", "IMAGE"}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["BI_W"], r"^'BI_W' is not of the form PARAMETER=VALUE,VALUE, such as BI_W=2,4,8\.$"),
        (["BI_V=1"], r"^'BI_V' is not a parameter of the CRF; did you mean BI_W\?$"),
        (["COLOUR=1"], r"^'COLOUR' is not a parameter of the CRF; expected one of ITER_MAX, POS_W, .* BI_RGB_STD\.$"),
        (["=1"], r"^'' is not a parameter of the CRF; expected one of"),
        (["BI_W="], r"^BI_W has an empty value; list numbers with commas between them, such as BI_W=2,4,8\.$"),
        (["BI_W=2,,4"], r"^BI_W has an empty value"),
        (["BI_W=2,many"], r"^BI_W must be a number from 0 to 1,000,000, got 'many'\.$"),
        (["BI_W=2,-1"], r"^BI_W must be a number from 0 to 1,000,000, got '-1'\.$"),
        (["BI_W=nan"], r"^BI_W must be a number from 0 to 1,000,000, got 'nan'\.$"),
        (["BI_XY_STD=0"], r"^BI_XY_STD must be a number above 0, to 1,000,000, got '0'\.$"),
        (["ITER_MAX=2.5"], r"^ITER_MAX must be a whole number from 0 to 1,000, got '2\.5'\.$"),
        (["ITER_MAX=["], r"^ITER_MAX must be a whole number from 0 to 1,000, got '\['\.$"),
        (["BI_W=2", "bi_w=3"], r"^BI_W appears twice; list all of its values in one place\.$"),
        (["BI_W=2,4,2.0"], r"^BI_W: 2 appears twice\.$"),
        ([f"{name}={','.join(map(str, range(1, 10)))}" for name in PARAMETERS], r"^531,441 combinations are too many"),
        ([f"{name}={','.join(map(str, range(1, 1000)))}" for name in PARAMETERS], r"combinations are too many"),
    ],
)
def test_bad_grids_are_one_sentence(lines: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_grid(lines)
