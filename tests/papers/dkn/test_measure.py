"""AUC, F1, MRR and nDCG beside scikit-learn, and what a constant score earns."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from papers.dkn import measure


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    label = (rng.random(200) < 0.3).astype(float)
    return label, np.round(rng.normal(size=200) + label, 1)  # with ties


def test_auc_and_f1_are_scikit_learns(scored):
    label, score = scored
    assert measure.auc(label, score) == pytest.approx(
        metrics.roc_auc_score(label, score)
    )
    expected = metrics.f1_score(label, score > 0)
    assert measure.f1(label, score > 0) == pytest.approx(expected)


def test_the_best_threshold_has_the_largest_f1_of_all(scored):
    label, score = scored
    best = measure.best_threshold(label, score)
    values = [metrics.f1_score(label, score >= t) for t in np.unique(score)]
    assert measure.f1(label, score >= best) == pytest.approx(max(values))


@pytest.mark.parametrize("k", [5, 10])
def test_ndcg_is_scikit_learns_with_its_ties(scored, k):
    label, score = scored
    for part in np.split(np.arange(200), 10):
        if label[part].sum():
            expected = metrics.ndcg_score([label[part]], [score[part]], k=k)
            found = measure.ndcg(label[part], score[part], k)
            assert found == pytest.approx(expected)


def test_mrr_of_one_clicked_item_is_scikit_learns_average_precision():
    rng = np.random.default_rng(1)
    score = rng.permutation(9).astype(float)
    label = np.eye(9)[4]
    expected = metrics.label_ranking_average_precision_score([label], [score])
    assert measure.reciprocal_rank(label, score) == pytest.approx(expected)


def test_a_constant_score_earns_what_chance_does():
    label = np.eye(10)[0]
    constant = np.zeros(10)
    chance = np.mean(1 / np.arange(1, 11))
    assert measure.reciprocal_rank(label, constant) == pytest.approx(chance)
    assert measure.auc(label, constant) == 0.5
    ranked = [measure.ndcg(np.eye(10)[i], -np.arange(10.0), 5) for i in range(10)]
    assert measure.ndcg(label, constant, 5) == pytest.approx(np.mean(ranked))


def test_groups_of_one_label_do_not_count():
    outputs = measure.Outputs(
        np.array([1.0, 0, 1, 0, 1]),
        np.array([2.0, 1, 3, 4, 0]),
        np.array([0, 0, 1, 1, 2]),
        np.zeros(5),
    )
    assert outputs.metrics(0.0)["group AUC"] == 0.5


def test_the_p_value_is_scipys_paired_t_test():
    a, b = np.array([0.7, 0.72, 0.69]), np.array([0.65, 0.7, 0.66])
    assert measure.paired_p(a, b) == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert measure.paired_p(a[:1], b[:1]) is None
    assert measure.paired_p(a, a) is None


def test_the_error_of_an_auc_is_its_spread_over_samples():
    """Hanley and McNeil's, of normal scores, within a fifth of the true spread."""
    rng = np.random.default_rng(2)
    label = np.repeat([1.0, 0.0], 60)
    values = [measure.auc(label, rng.normal(size=120) + label) for _ in range(400)]
    expected = measure.auc_error(float(np.mean(values)), 60, 60)
    assert np.std(values) == pytest.approx(expected, rel=0.2)
