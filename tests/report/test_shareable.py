"""Nothing in the shareable form stands for fewer than eleven patients: hunted for over random evaluations."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.metrics.result import Evaluation, Metric, Verdict, Word
from synthgen.report.bins import OTHER
from synthgen.report.document import to_json
from synthgen.report.html import render
from synthgen.report.shareable import redact
from synthgen.report.shareable.grain import COUNT_STEP, SMALLEST, count, share, step
from tests.report.build import evaluation

SETS = ("train", "holdout", "synthetic")


def of(*metrics: Metric, inputs: dict[str, Any] | None = None, verdicts: tuple[Verdict, ...] = ()) -> Evaluation:
    return Evaluation(seed=1, synthgen="0", inputs=inputs or {}, verdicts=verdicts, metrics=metrics)


def metric(name: str = "marginals", **more: Any) -> Metric:
    return Metric(name=name, table="t", **({"family": "privacy", "n": {"train": 1000, "synthetic": 1000}} | more))


def redacted(one: Metric) -> Metric:
    return redact(of(one)).metrics[0]


def categorical(counts: dict[str, tuple[int, int]], column: str = "diagnosis") -> dict[str, Any]:
    """A histogram from counts of patients by label, in training and synthetic."""
    train, synthetic = (sum(pair[k] for pair in counts.values()) for k in (0, 1))
    return {
        "column": column,
        "kind": "categorical",
        "labels": list(counts),
        "train": [pair[0] / train for pair in counts.values()],
        "holdout": None,
        "synthetic": [pair[1] / synthetic for pair in counts.values()],
        "n": {"train": train, "synthetic": synthetic},
        "missing": {"train": 0.0, "synthetic": 0.0},
    }


def hunted(histogram: dict[str, Any]) -> Iterator[float]:
    """Every number of patients that can be read off or worked out: cells, sums of neighbours, what sums leave over."""
    for name in SETS:
        n, shares = (histogram["n"] or {}).get(name), histogram.get(name)
        if not shares or n is None:
            continue
        shown = [value * n for value in shares if value is not None]
        missing = histogram["missing"].get(name)
        yield from shown
        yield from itertools.accumulate(shown)
        yield from [n * (1 - missing), n * missing] if missing is not None else []
        # Two published figures of the same set differ by nothing, or by a grain that holds eleven patients.
        for one, other in itertools.combinations(shown, 2):
            yield from [abs(one - other)] if abs(one - other) > 1e-6 * n else []


class TestTheGrain:
    @given(st.integers(0, 10**6))
    def test_a_share_on_the_grain_stands_for_eleven_patients_or_more(self, n: int) -> None:
        grain = step(n)

        assert (grain is None) == (n < 110)
        assert grain is None or grain * n >= SMALLEST

    @given(st.integers(110, 10**6), st.floats(0, 1))
    def test_a_share_and_its_complement_are_never_small(self, n: int, value: float) -> None:
        shown = share(value, n)

        if shown is not None:
            assert min(shown, 1 - shown) * n >= SMALLEST - 1e-6 * n
            assert abs(shown - value) <= (step(n) or 0) + 1e-6

    @given(st.integers(0, 10**6), st.integers(0, 10**6))
    def test_differences_of_counts_are_nothing_or_at_least_the_step(self, one: int, other: int) -> None:
        first, second = count(one), count(other)

        if first is not None and second is not None:
            assert first >= SMALLEST
            assert first == second or abs(first - second) >= COUNT_STEP

    def test_small_counts_are_held_back(self) -> None:
        assert (count(10), count(11), count(31), count(None)) == (None, 20, 40, None)


class TestLabels:
    def test_a_label_of_ten_patients_is_merged_and_one_of_eleven_is_not(self) -> None:
        shown = redacted(metric(details={"histograms": [categorical({"A": (900, 900), "B": (11, 50), "C": (10, 50)})]}))

        assert shown.details["histograms"][0]["labels"] == ["A", "B", OTHER]

    def test_a_small_cell_of_a_shown_label_is_null(self) -> None:
        (histogram,) = redacted(
            metric(details={"histograms": [categorical({"A": (500, 998), "B": (500, 2)})]})
        ).details["histograms"]  # fmt: skip

        assert histogram["synthetic"][1] is None
        assert histogram["train"][1] == pytest.approx(0.5)

    def test_the_training_set_of_too_few_patients_shows_no_histogram(self) -> None:
        assert redacted(metric(details={"histograms": [categorical({"A": (60, 60), "B": (40, 40)})]})).details == {}

    def test_patients_count_where_they_are_known_not_rows(self) -> None:
        item = categorical({"A": (9900, 9900), "B": (100, 100)})
        shown = redact(of(metric(details={"histograms": [item]}), inputs={"train": {"patients": 1000}})).metrics[0]

        assert shown.details["histograms"][0]["labels"] == ["A", OTHER]  # 100 rows are about 10 of 1000 patients

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=12))
    def test_hunting_through_random_histograms_finds_nothing_small(self, counts: list[tuple[int, int]]) -> None:
        counts = [(1 + counts[0][0], 1 + counts[0][1]), *counts[1:]]
        item = categorical({f"L{i}": pair for i, pair in enumerate(counts)})
        for histogram in redacted(metric(n={}, details={"histograms": [item]})).details.get("histograms", ()):
            # A step is chosen for the true size; the published one is rounded by half a step of counts at most.
            assert all(found >= SMALLEST * 0.9 for found in hunted(histogram))
            small = {f"L{i}" for i, pair in enumerate(counts) if pair[0] < SMALLEST}
            assert not small & set(histogram["labels"])


class TestBins:
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 10**6), st.sampled_from([200, 1000, 5000]), st.booleans())
    def test_hunting_through_random_bins_finds_nothing_small_and_no_extreme(
        self, seed: int, n: int, inner: bool
    ) -> None:
        values = np.random.default_rng(seed).lognormal(3, 1, n)
        (histogram,) = redacted(metric(details={"histograms": [numeric(values, inner=inner)]})).details["histograms"]
        edges = histogram["edges"]

        assert edges[0] is edges[-1] is None
        assert all(found >= SMALLEST * 0.9 for found in hunted(histogram))
        assert min(edges[1:-1]) > values.min()
        assert max(edges[1:-1]) < values.max()
        for low, high in itertools.pairwise([-np.inf, *edges[1:-1], np.inf]):
            if inner is False:
                assert np.sum((values >= low) & (values < high)) >= 5  # spread evenly within a bin: about eleven

    def test_edges_are_round(self) -> None:
        values = np.random.default_rng(1).normal(120, 15, 2000)
        (histogram,) = redacted(metric(details={"histograms": [numeric(values)]})).details["histograms"]

        assert histogram["edges"] == [None, 100, 105, 110, 115, 120, 125, 130, 135, 140, 145, None]


def numeric(values: np.ndarray, *, inner: bool = False) -> dict[str, Any]:
    edges = np.linspace(values.min(), values.max(), 200)
    shares = (np.histogram(values, edges)[0] / len(values)).tolist()
    return {
        "column": "lab",
        "kind": "numeric",
        "edges": (edges[1:-1] if inner else edges).tolist(),
        "train": shares,
        "holdout": None,
        "synthetic": shares,
        "n": {"train": len(values), "synthetic": len(values)},
        "missing": {"train": 0.0, "synthetic": 0.0},
    }


class TestFigures:
    def test_a_share_that_counts_few_patients_is_held_back_and_says_so(self) -> None:
        shown = redacted(metric("exact_copies", value=0.003, ceiling=0.001, unit="share"))

        assert (shown.value, shown.ceiling) == (None, None)
        assert "fewer than 11 patients" in shown.reason

    def test_nothing_tells_no_copy_from_a_few(self) -> None:
        none, few = (redacted(metric("exact_copies", value=value, unit="share")) for value in (0.0, 0.009))

        assert none == few

    def test_an_auc_is_no_share_of_patients(self) -> None:
        assert redacted(metric("c2st", value=0.64123, interval=(0.6, 0.7), unit="AUC")).value == 0.641

    def test_sizes_are_rounded_and_small_ones_left_out(self) -> None:
        assert redacted(metric(n={"train": 1234, "holdout": 7, "pairs": 3})).n == {"train": 1240, "pairs": 3}

    def test_a_rate_under_a_sets_name_is_a_share_of_missingness_and_a_score_of_association(self) -> None:
        rows = [{"column": "age", "train": 0.004, "synthetic": 0.5}]

        assert redacted(metric("missingness", details={"rows": rows})).details["rows"][0]["train"] is None
        assert redacted(metric("association", details={"rows": rows})).details["rows"][0]["train"] == 0.0

    def test_keys_that_are_not_known_to_be_safe_are_left_out(self) -> None:
        rows = [{"column": "age", "ks": 0.123, "max": 104, "mean": 61.2, "n": 4, "first_value": "x"}]

        assert redacted(metric(details={"rows": rows})).details["rows"] == [{"column": "age", "ks": 0.12, "n": None}]

    @pytest.mark.parametrize(
        "details",
        [
            {"rows": [{"record": 17, "distance": 0.1}]},
            {"rows": [{"level": "E11.9", "value": 0.5}]},
            {"rows": [{"column": "diag", "value": 0.5}, {"column": "diag", "value": 0.4}]},
            {"neighbours": [1, 2, 3]},
            {"nearest": {"id": "A-17"}},
        ],
    )
    def test_shapes_about_records_and_levels_or_unknown_ones_are_left_out_whole(self, details: dict[str, Any]) -> None:
        assert redacted(metric(details=details)).details == {}

    def test_texts_with_numbers_are_left_out(self) -> None:
        lines = ("7 records", "one patient", "a single record", "there is no holdout")
        verdicts = tuple(Verdict(name="x", verdict="leak", metric="m", detail=text, p=1e-9) for text in lines)
        shown = redact(of(verdicts=verdicts)).verdicts

        assert [verdict.detail for verdict in shown] == ["", "", "", "there is no holdout"]
        assert shown[0].p == 0.001

    def test_inputs_keep_sizes_and_versions_only(self) -> None:
        inputs = {
            "train": {"rows": 5213, "patients": 4000, "effective_patients": 3900, "path": "/home/kari/extract.csv"},
            "holdout": {"rows": 1300, "patients": 9, "sha256": "5f7c"},
            "hmac": "c0ffee",
            "columns": 7,
            "versions": {"python": "3.11.2"},
        }
        shown = redact(of(inputs=inputs)).inputs

        assert shown == {"train": {"rows": 5200, "patients": 4000}, "columns": 7, "versions": {"python": "3.11.2"}}


class TestCurves:
    def test_steps_are_coarse_and_ends_are_cut_off(self) -> None:
        x = np.sort(np.random.default_rng(3).gamma(9, 0.3, 1000))
        curve = {"name": "synthetic to train", "x": x.tolist(), "y": np.linspace(0, 1, 1000).tolist()}
        (shown,) = redacted(metric("distances", details={"curves": [curve]})).details["curves"]

        assert shown["y"] == [q / 20 for q in range(1, 20)]
        assert min(shown["x"]) > x[10]
        assert max(shown["x"]) < x[-10]
        assert not set(shown["x"]) & set(x.tolist())

    def test_a_roc_step_stands_for_eleven_patients_on_either_axis(self) -> None:
        x, n = np.linspace(0, 1, 101), 1000
        (shown,) = redacted(
            metric(n={"train": n}, details={"curves": [{"name": "ROC", "x": x.tolist(), "y": np.sqrt(x).tolist()}]})
        ).details["curves"]

        assert all(min(value, 1 - value) * n >= SMALLEST for value in (*shown["x"], *shown["y"]))

    def test_a_curve_that_does_not_rise_is_left_out(self) -> None:
        curve = {"name": "density", "x": [0, 1, 2], "y": [0.1, 0.5, 0.1]}

        assert redacted(metric(details={"curves": [curve]})).details == {}


class TestAttacks:
    ROC: ClassVar[dict[str, Any]] = {
        "attack": "density ratio", "columns": "all columns", "auc": 0.61234, "interval": [0.6, 0.62], "p": 0.0123,
        "fpr": np.geomspace(1 / 1000, 1, 200).tolist(), "tpr": np.geomspace(1 / 1000, 1, 200).tolist(),
        "epsilon_lower": 0.234, "closest": "P-17", "most_exposed": [3, 5],
    }  # fmt: skip

    def test_no_step_of_a_roc_stands_for_fewer_than_eleven_patients(self) -> None:
        sizes = {"train_patients": 4000, "holdout_patients": 1000}
        (shown,) = redacted(metric("membership_inference", n=sizes, details={"attacks": [self.ROC]})).details["attacks"]

        assert set(shown) == {"attack", "columns", "auc", "p", "fpr", "tpr", "epsilon_lower"}
        assert shown["auc"] == 0.62  # eleven of a thousand are about a fiftieth
        for axis in ("fpr", "tpr"):
            steps = np.diff([0.0, *sorted(set(shown[axis])), 1.0]) * 1000
            assert steps.min() >= SMALLEST * 0.9

    def test_too_few_patients_show_no_attack(self) -> None:
        sizes = {"train_patients": 400, "holdout_patients": 60}

        assert redacted(metric(n=sizes, details={"attacks": [self.ROC]})).details == {}

    def test_a_risk_is_as_coarse_as_a_share(self) -> None:
        rows = [{"attack": "by all columns", "risk": 0.01234, "low": -0.004, "high": 0.03, "attack_rate": 0.4321}]
        sizes = {"train_patients": 400, "holdout_patients": 150}
        shown = redacted(metric("linkability", value=0.01234, unit="risk", n=sizes, details={"rows": rows}))

        assert shown.value == 0.0  # eleven of 150 are about a tenth
        assert shown.details["rows"] == [
            {"attack": "by all columns", "risk": 0.0, "low": 0.0, "high": 0.0, "attack_rate": 0.4}
        ]


class TestGroups:
    INPUTS: ClassVar[dict[str, Any]] = {"train": {"rows": 4000, "patients": 4000, "effective_patients": 4000}}

    @pytest.mark.parametrize(
        ("patients", "shown"), [(10, False), (11, True), (3989, True), (3990, False), (4000, True)]
    )
    def test_a_group_and_the_rest_have_eleven_patients_or_there_is_no_row(self, patients: int, shown: bool) -> None:
        rows = [{"group": "sex=F", "patients": patients, "value": 0.91234}]
        for details in ({"groups": rows}, {"rows": [{"group": "sex=F", "train_patients": patients, "auc": 0.5}]}):
            one = metric("group_accuracy", family="fairness", n={}, details=details)
            assert bool(redact(of(one, inputs=self.INPUTS)).metrics[0].details) is shown

    def test_sizes_are_coarse_and_figures_as_coarse_as_the_group_is_small(self) -> None:
        rows = [{"group": name, "patients": n, "value": 0.91234, "name": "x"} for name, n in (("A", 57), ("B", 3000))]
        one = metric("group_accuracy", family="fairness", n={}, details={"groups": rows})
        shown = redact(of(one, inputs=self.INPUTS)).metrics[0].details["groups"]

        assert shown == [
            {"group": "A", "patients": 60, "value": 0.9},
            {"group": "B", "patients": 3000, "value": 0.91},
        ]

    def test_a_group_whose_size_is_not_told_is_left_out(self) -> None:
        assert redacted(metric(details={"groups": [{"group": "A", "value": 0.5}]})).details == {}

    def test_a_text_that_names_a_hidden_group_or_label_is_left_out(self) -> None:
        rows = [{"group": f"sex={name}", "patients": n, "value": 0.9} for name, n in (("F", 2000), ("intersex", 7))]
        one = metric("group_accuracy", family="fairness", n={}, details={"groups": rows})
        texts = ("the group intersex stands out", "the group sex=F stands out", "no group stands out")
        verdicts = tuple(Verdict(name="x", verdict="leak", metric="m", detail=text) for text in texts)
        shown = redact(dataclasses.replace(of(one, verdicts=verdicts), inputs=self.INPUTS))

        assert [verdict.detail for verdict in shown.verdicts] == ["", *texts[1:]]
        assert "intersex" not in render(shown, "shareable") + str(to_json(shown, "shareable"))


def test_settings_are_shown_and_what_only_the_synthetic_file_names_is_not() -> None:
    inputs = {
        "mode": "full", "not_run": ["tstr"], "policy": {"required": ["exact_copies"], "limits": {"linkability": 0.09}},
        "columns_not_compared": ["id"], "columns_only_in_synthetic": ["Kari Nordmann"],
    }  # fmt: skip

    assert redact(of(inputs=inputs)).inputs == {k: v for k, v in inputs.items() if k != "columns_only_in_synthetic"}


def test_hunting_through_everything_shown_finds_nothing_small() -> None:
    """Every count of the document is coarse, every number of the page is one of the document's, and no small group."""
    public = redact(evaluation())
    document, page = to_json(public, "shareable"), render(public, "shareable")
    for key, value in leaves(document):
        if key in {"rows", "patients", "train", "holdout", "synthetic"} and isinstance(value, int):
            assert value % COUNT_STEP == 0, key
        assert not (isinstance(value, str) and re.search(r"sex=X|P-\d|of 20 patients", value)), key
    assert "sex=X" not in page
    spoken = " ".join(re.findall(r"<(?:title|desc)[^>]*>(.*?)</(?:title|desc)>", page))
    assert "sex=F" in spoken  # what a screen reader says went through the same sieve
    for number in re.findall(r"\b\d{1,3}(?:,\d{3})+\b", page):
        assert int(number.replace(",", "")) % COUNT_STEP == 0, number
    assert "of 20 patients" not in page


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value of a document with the key it stands under."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    else:
        yield key, value


def test_without_its_most_extreme_patient_a_data_set_shows_the_same_labels_bins_and_small_cells() -> None:
    rng = np.random.default_rng(11)
    lab, diagnosis = rng.normal(60, 12, 1998), rng.choice(["I10", "E11", "J45"], 1998)
    with_extreme = shown_of(np.append(lab, 5000.0), np.append(diagnosis, "Q87.4"))
    without = shown_of(lab, diagnosis)

    for one, other in zip(with_extreme, without, strict=True):
        assert one["column"] == other["column"]
        assert one.get("labels") == other.get("labels")
        assert one.get("edges") == other.get("edges")
        assert [value is None for value in one["train"]] == [value is None for value in other["train"]]
        assert one["n"] == other["n"]
    assert "Q87.4" not in str(with_extreme)


def shown_of(lab: np.ndarray, diagnosis: np.ndarray) -> list[dict[str, Any]]:
    """What the shareable form shows, of bins made as the measure makes them: over the middle 98 %, open ends."""
    low, high = np.percentile(lab, (1, 99))
    edges = np.arange(np.floor(low / 2) - 0.5, high / 2 + 0.5) * 2
    shares = np.bincount(np.searchsorted(edges, lab, side="right"), minlength=len(edges) + 1) / len(lab)
    item = numeric(lab) | {"edges": edges.tolist(), "train": shares.tolist(), "synthetic": shares.tolist()}
    labels, counts = np.unique(diagnosis, return_counts=True)
    items = [item, categorical({str(k): (int(c), int(c)) for k, c in zip(labels, counts, strict=True)})]
    return list(redacted(metric(details={"histograms": items})).details["histograms"])


def test_the_page_and_the_document_hold_nothing_that_was_held_back() -> None:
    public = redact(evaluation())
    text = render(public, "shareable") + str(to_json(public, "shareable"))

    assert not re.search(r"5f7c0ffee0ddba11|extract\.csv|7 training records|5,?213", text)
    for item in public.metric("marginals").details["histograms"]:
        assert all(found >= SMALLEST * 0.9 for found in hunted(item))


def test_no_sentence_above_the_figures_keeps_a_count_of_few() -> None:
    """The verdict table and the summary repeat what lines say: none of it with a number reaches the page."""
    words: tuple[Word, ...] = ("leak", "fail", "none_detected", "pass", "not_assessable")
    verdicts = tuple(
        Verdict(name="membership_inference", verdict=word, metric="m", p=0.2, detail=f"planted: {n} patients")
        for word, n in itertools.product(words, range(1, SMALLEST))
    )
    whole = dataclasses.replace(evaluation(), verdicts=verdicts)
    assert "planted" in render(whole, "internal")
    assert "planted" not in render(redact(whole), "shareable")


def test_measures_of_single_records_are_left_out_and_risks_are_coarse() -> None:
    sizes = {name: {"rows": 1000, "patients": 1000} for name in SETS}
    single = metric("vulnerable_records", value=0.7, unit="AUC", details={"rows": [{"record": 17, "distance": 0.1}]})
    risk = metric("linkability", value=0.0437, interval=(0.0213, 0.0661), unit="risk")
    rows = [{"attack": "distance", "columns": "all", "auc": 0.51234, "z": 1.234, "p": 0.2}]
    shown = redact(of(single, risk, metric("membership_inference", details={"rows": rows}), inputs=sizes)).metrics
    assert [one.name for one in shown] == ["linkability", "membership_inference"]
    assert (shown[0].value, shown[0].interval) == (0.04, (0.02, 0.06))
    assert shown[1].details["rows"][0]["auc"] == 0.52  # on the grain of eleven of a thousand patients


def test_redacting_twice_gives_nothing_more_away() -> None:
    once = redact(evaluation())

    for first, second in zip(once.metrics, redact(once).metrics, strict=True):
        assert set(second.n) <= set(first.n)
        assert set(second.details) <= set(first.details)


class TestPatientsWithManyRows:
    INPUTS: ClassVar[dict[str, Any]] = {
        # Ten patients hold 1,000 of the 5,000 rows: no share of rows below a fifth is known to be of eleven.
        name: {"rows": 5000, "patients": 3000, "effective_patients": 50}
        for name in ("train", "synthetic")
    }

    def test_rows_of_few_patients_look_like_many_and_are_held_back(self) -> None:
        rows = [{"column": "hba1c", "rate_train": 0.15, "rate_synthetic": 0.5}]
        one = metric("missingness", n={}, details={"rows": rows})

        assert redact(of(one, inputs=self.INPUTS)).metrics[0].details["rows"][0]["rate_train"] is None
        even = {name: {"rows": 5000, "patients": 5000} for name in self.INPUTS}
        assert redact(of(one, inputs=even)).metrics[0].details["rows"][0]["rate_train"] == 0.15

    def test_where_nothing_is_known_of_the_rows_ten_patients_may_hold_nearly_all(self) -> None:
        untold = {name: {"rows": 5000, "patients": 3000} for name in self.INPUTS}
        one = metric("missingness", n={}, details={"rows": [{"column": "hba1c", "rate_train": 0.15}]})

        assert redact(of(one, inputs=untold)).metrics[0].details["rows"][0]["rate_train"] is None

    def test_histograms_go_by_patients(self) -> None:
        item = categorical({"common": (10, 500), "rare": (990, 500)})  # 990 rows of few patients
        side = {"shares": [0.992, 0.008], "missing": 0.0, "patients": 1000, "of": 1000}
        item |= {"by_patient": {"train": side, "holdout": None, "synthetic": side}}
        (shown,) = (
            redact(of(metric(details={"histograms": [item]}), inputs=self.INPUTS)).metrics[0].details["histograms"]
        )

        assert shown["labels"] == ["common", OTHER]
        assert "by_patient" not in shown


def test_dates_are_joined_to_years_and_their_ends_are_open() -> None:
    edges = [f"{year}-{month}-01" for year in range(2000, 2010) for month in ("01", "07")]
    shares = [1 / 21] * 21
    item = numeric(np.arange(2000.0)) | {"edges": edges, "temporal": "date", "train": shares, "synthetic": shares}
    (shown,) = redacted(metric(details={"histograms": [item]})).details["histograms"]

    assert shown["edges"] == [None, *(str(year) for year in range(2001, 2010)), None]
    assert shown["train"][1] == pytest.approx(2 / 21, abs=0.02)
    assert len(shown["train"]) == len(shown["edges"]) - 1
