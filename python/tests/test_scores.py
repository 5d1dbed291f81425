"""Scores of arrays, against the vectors that the crate is held to; tables in files."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from vectors import LOGITS, SCORES, STATES, expected_scores, logits_of, spans_of, states_of

import curricle
from curricle import Curriculum, Table
from curricle.scores import angle_concentration, score_logits


@pytest.mark.parametrize("case", STATES, ids=lambda case: str(case["name"]))
@pytest.mark.parametrize("layout", ["float32", "float64", "fortran"])
def test_angle_concentration(case: dict[str, Any], layout: str) -> None:
    states, (questions, prefixes), expected = states_of(case), spans_of(case), case["expected"]
    array = np.asfortranarray(states) if layout == "fortran" else states.astype(layout)
    found = angle_concentration(array, questions, prefixes)
    for row, sample in enumerate([expected] if isinstance(expected, dict) else expected):
        for part, name in [
            ("intra", "intra_with_diag"),
            ("intra_no_diag", "intra_no_diag"),
            ("inter", "inter"),
        ]:
            value = found[part][row]
            if sample[name] is None:
                assert math.isnan(value)
            else:
                assert value == pytest.approx(sample[name], abs=2e-6)
        if not math.isnan(found["total"][row]):
            assert found["total"][row] == pytest.approx(sample["total_with_diag"], abs=2e-6)


@pytest.mark.parametrize("case", LOGITS, ids=lambda case: str(case["id"]))
def test_scores_of_logits(case: dict[str, Any]) -> None:
    logits, temperature = logits_of(case), case["inputs"]["temperature"]
    names = list(expected_scores(case))
    found = score_logits(logits[None, :], names, temperature=temperature)
    # The logits are read in single precision.
    rounding = 1e-6 + 2.0**-22 * float(np.abs(logits[np.isfinite(logits)]).max(initial=0.0))
    for name, value in expected_scores(case).items():
        assert found[name][0] == pytest.approx(value, rel=1e-5, abs=rounding), name


def test_the_vectors_cover_every_score() -> None:
    assert len(STATES) > 10 and len(LOGITS) > 10
    covered = {name for case in LOGITS for name in expected_scores(case)}
    assert covered == set(SCORES.values())


def test_faulty_rows() -> None:
    rows = [[0.0, 1.0], [math.nan, 0.0], [-math.inf, -math.inf]]
    with pytest.raises(curricle.NonFiniteError) as raised:
        score_logits(rows, ["entropy"])
    assert raised.value.index == 1
    with pytest.raises(curricle.EmptyError, match="of 1 "):
        score_logits([rows[0], rows[2]], ["entropy"])
    assert np.isnan(score_logits(rows, ["entropy"], faulty="nan")["entropy"]).tolist() == [
        False,
        True,
        True,
    ]
    uncertain = score_logits(rows, ["normalised-entropy"], faulty="uncertain")["normalised-entropy"]
    assert uncertain[1:].tolist() == [1.0, 1.0]
    with pytest.raises(curricle.OutOfRangeError, match="temperature"):
        score_logits(rows, ["entropy"], temperature=0.0)
    with pytest.raises(curricle.UnsupportedError, match="score"):
        score_logits(rows, ["nonsense"])
    with pytest.raises(curricle.ShapeError, match="logits"):
        score_logits(rows[0], ["entropy"])


@pytest.mark.parametrize("faulty", ["error", "nan", "uncertain"])
def test_rows_of_nothing(faulty: Literal["error", "nan", "uncertain"]) -> None:
    with pytest.raises(curricle.EmptyError, match="support of 0"):
        score_logits(np.zeros((2, 0)), ["entropy"], faulty=faulty)
    assert len(score_logits(np.zeros((0, 3)), ["entropy"], faulty=faulty)["entropy"]) == 0


def test_a_column_has_a_name(tmp_path: Path) -> None:
    with pytest.raises(curricle.TableError, match="no name"):
        Table([1, 2], {"": [0.5, 0.25]})
    # The row numbers that some tools write are no column.
    path = tmp_path / "rows.csv"
    path.write_text(",id,total\n0,7,0.5\n1,8,0.25\n")
    assert Table.read_csv(path) == Table([7, 8], {"total": [0.5, 0.25]})
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    import pyarrow

    parquet.write_table(
        pyarrow.table({"": [0, 1], "id": [7, 8], "total": [0.5, 0.25]}), tmp_path / "rows"
    )
    assert Table.read_parquet(tmp_path / "rows") == Table([7, 8], {"total": [0.5, 0.25]})


def test_what_is_wrong_with_a_column_names_it() -> None:
    for name in (1, None, "\ud800"):
        with pytest.raises(curricle.ConfigError, match="columns"):
            Table([1, 2], {name: [1.0, 2.0]})  # type: ignore[dict-item]
    for values, kind in (
        ([0.5], curricle.LengthError),
        ([math.inf, 1.0], curricle.NonFiniteError),
        (["a", "b"], curricle.DtypeError),
        ([[1.0], [2.0]], curricle.ShapeError),
        ([[1.0], [2.0, 3.0]], curricle.DtypeError),
        (np.ma.masked_array([1.0, 2.0], [False, True]), curricle.DtypeError),
    ):
        with pytest.raises(kind, match="total"):
            Table([1, 2], {"tokens": [1, 2], "total": values})


def test_bad_spans() -> None:
    states = np.ones((4, 2), dtype=np.float32)
    for questions in ([[0, 5]], [[3, 2]]):
        with pytest.raises(curricle.OutOfRangeError):
            angle_concentration(states, questions)
    with pytest.raises(curricle.LengthError, match="prefixes"):
        angle_concentration(states, [[0, 2]], [[0, 1], [0, 1]])
    with pytest.raises(curricle.LengthError, match="questions"):
        angle_concentration(states, [[0, 2, 3]])
    states[1, 1] = math.nan
    with pytest.raises(curricle.Error, match="finite"):
        angle_concentration(states, [[0, 2]])


def table() -> Table:
    total: NDArray[np.float64] = np.array([0.25, np.nan, -1.5, 0.25])
    columns = {"total": total, "tokens": [12, 2**63, 20, 1], "kept": [True, False, True, True]}
    return Table([7, 2**40, 9, 3], columns, signal="angle", model="m", revision="r1")


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_tables_in_files(kind: str, tmp_path: Path) -> None:
    path, before = tmp_path / "scores", table()
    getattr(before, f"write_{kind}")(path)
    after = getattr(Table, f"read_{kind}")(path)
    assert after == before and after.made_by == {"signal": "angle", "model": "m", "revision": "r1"}
    assert after["tokens"].tolist() == [12, 2**63, 20, 1] and after["kept"].dtype == np.bool_
    np.testing.assert_array_equal(after["total"], before["total"])


def test_parquet_is_read_by_others(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    from curricle.arrow import from_arrow, to_arrow

    path = tmp_path / "scores.parquet"
    table().write_parquet(path)
    read = parquet.read_table(path)
    assert read["id"].to_pylist() == table().samples.tolist()
    assert read["total"].to_pylist() == [0.25, None, -1.5, 0.25]
    assert from_arrow(to_arrow(table())) == table()


def test_what_a_table_is_for() -> None:
    scores = Table([2, 0, 1], {"total": [0.1, 0.9, 0.5], "tokens": [10, 20, 30]})
    assert scores.order("total").tolist() == scores.ranks("total", 3).tolist() == [0, 1, 2]
    figures = scores.statistics("total")
    assert (
        figures is not None
        and figures["quantiles"][2] == 0.5
        and figures["with_length"] == pytest.approx(0.5)
    )
    weights = scores.weights({"total": 1.0}, 3)
    assert weights[0] == 1.0 and (np.diff(weights) < 0).all()
    assert len(Curriculum(3, weights=weights, order=None).draw(2)) == 2
    with pytest.raises(curricle.TableError):
        scores.ranks("total", 4)
    with pytest.raises(curricle.TableError):
        Table([1, 1], {})
    with pytest.raises(KeyError):
        scores["nothing"]
    with pytest.raises(curricle.NonFiniteError):
        Table([1], {"a": [math.inf]})
    with pytest.raises(curricle.OutOfRangeError):
        Table([1], {"a": [-1]})
