import pytest

from worker.jobs.accounts.passwords import PasswordRefusedError, hash_password, matches


def test_a_password_matches_its_own_hash_alone() -> None:
    hashed = hash_password("correct horse battery")
    assert hashed.startswith("$argon2id$")
    assert matches(hashed, "correct horse battery")
    assert not matches(hashed, "correct horse batterz")
    assert not matches(hashed, "")
    assert not matches(None, "correct horse battery")
    assert not matches("made up", "correct horse battery")


def test_accents_match_in_both_spellings_and_odd_characters_do_no_harm() -> None:
    hashed = hash_password("motör\u0301head \ud800 xxxx")
    assert matches(hashed, "moto\u0308r\u0301head \ud800 xxxx")


@pytest.mark.parametrize("length", [0, 11, 1001])
def test_too_short_and_too_long_ones_are_refused(length: int) -> None:
    with pytest.raises(PasswordRefusedError, match=r"from 12 to 1,000 characters; this one has"):
        hash_password("x" * length)
