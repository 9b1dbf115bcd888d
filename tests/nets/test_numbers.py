"""Scaling, bins and embeddings of numbers: against numpy, on awkward columns, with missing values, under torch.func."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from vouch.nets.numbers import (
    PiecewiseLinearEmbedding,
    fit_bins,
    fit_scale,
    scale_numbers,
)

NAN, INF = float("nan"), float("inf")


def _embedding() -> PiecewiseLinearEmbedding:
    torch.manual_seed(0)
    piecewise = PiecewiseLinearEmbedding(fit_bins(torch.randn(100, 3), bins=8), features=4)
    nn.init.normal_(piecewise.weight)
    return piecewise


def test_scale_is_the_median_and_the_quartiles_distance() -> None:
    x = torch.randn(999, 3, dtype=torch.float64)
    scale = fit_scale(x)
    low, middle, high = np.quantile(x.numpy(), [0.25, 0.5, 0.75], axis=0)
    assert np.allclose(scale.centre, middle)
    assert np.allclose(scale.spread, high - low)


def test_scale_of_awkward_columns_is_finite_and_positive() -> None:
    x = torch.tensor([[0.0, 7.0, NAN, INF], [0.0, 7.0, NAN, 1.0], [0.0, 7.0, NAN, 2.0], [9.0, 7.0, NAN, 3.0]])
    scale = fit_scale(torch.cat([x, x[:3]]))
    assert scale.spread[0] == 4.5
    assert scale.spread[1] == 1.0
    assert scale.centre[2] == 0.0
    assert bool((scale.spread > 0).all())
    assert bool(scale.spread.isfinite().all())


def test_scaled_numbers_keep_order_range_and_missing() -> None:
    x = torch.tensor([[-INF], [-1e6], [0.0], [1.0], [1e6], [INF], [NAN]], dtype=torch.float64)
    z = scale_numbers(x, fit_scale(torch.linspace(-1, 1, 11).double().unsqueeze(1))).flatten()
    assert bool((z[:6].diff() >= 0).all())
    assert z[0] == -3
    assert z[5] == 3
    assert bool(z[6].isnan())


def test_bins_of_a_continuous_column_hold_equal_shares() -> None:
    x = torch.randn(4800, 1)
    edges = fit_bins(x, bins=48)[0]
    counts = torch.histogram(x.flatten(), edges)[0]
    assert bool((counts - 100).abs().max() <= 2)


def test_bins_of_a_column_that_is_mostly_one_value_resolve_the_others() -> None:
    x = torch.zeros(10_000, 1)
    x[:500, 0] = torch.rand(500) + 1
    edges = fit_bins(x, bins=48)[0].unique()
    assert len(edges) >= 30


def test_few_distinct_values_are_all_edges() -> None:
    assert fit_bins(torch.tensor([[1.0], [2.0], [2.0], [5.0], [NAN]]), bins=4).tolist() == [[1.0, 2.0, 5.0, 5.0, 5.0]]


def test_by_default_bins_grow_with_the_square_root_of_the_rows() -> None:
    assert fit_bins(torch.randn(400, 1)).shape == (1, 21)
    assert fit_bins(torch.randn(50_000, 1)).shape == (1, 129)


def test_bins_of_constant_and_of_empty_columns_embed_to_finite_vectors() -> None:
    x = torch.tensor([[1.0, NAN], [1.0, NAN]])
    assert bool(PiecewiseLinearEmbedding(fit_bins(x, bins=4), features=3)(x).isfinite().all())


def test_fitting_two_million_values_takes_seconds() -> None:
    x = torch.randn(2_000_000, 2)
    start = time.perf_counter()
    fit_bins(x)
    assert time.perf_counter() - start < 5


def test_piecewise_embedding_interpolates_linearly_between_edges() -> None:
    embedding = PiecewiseLinearEmbedding(torch.tensor([[0.0, 1.0, 3.0]]), features=1)
    with torch.no_grad():
        embedding.weight.copy_(torch.tensor([[[10.0], [100.0]]]))
        for parameter in (embedding.slope, embedding.bias):
            parameter.zero_()
    found = embedding(torch.tensor([[-1.0], [0.5], [1.0], [2.0], [9.0]])).flatten()
    assert found.tolist() == [0.0, 5.0, 10.0, 60.0, 110.0]


def test_missing_has_its_own_vector_and_gradient() -> None:
    embedding = _embedding()
    x = torch.tensor([[NAN, 0.5, 0.1], [0.0, NAN, NAN]])
    found = embedding(x)
    missing: Tensor = embedding.missing
    assert torch.equal(found[0, 0], missing[0])
    assert torch.equal(found[1, 1:], missing[1:])
    found.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in embedding.parameters())


def test_per_row_gradients_sum_to_the_batch_gradient() -> None:
    embedding = _embedding()
    x = torch.randn(5, 3)
    x[0, 0] = NAN
    state = dict(embedding.named_parameters())
    energy = grad(lambda p, row: functional_call(embedding, p, (row.unsqueeze(0),)).square().sum())
    per_row = vmap(energy, (None, 0))(state, x)
    embedding(x).square().sum().backward()
    for name, parameter in embedding.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(per_row[name].sum(0), parameter.grad, rtol=1e-4, atol=1e-5)
