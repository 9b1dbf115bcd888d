"""Embeddings of categories: one table, unseen and missing values, n-grams of dirty strings, work under torch.func."""

from __future__ import annotations

import torch
from torch.func import functional_call, grad, vmap

from vouch.nets.categories import UNSEEN, CategoryEmbedding, NgramEmbedding, hash_ngrams


def test_columns_do_not_share_rows_of_the_table() -> None:
    embedding = CategoryEmbedding([3, 4], features=2).eval()
    found = embedding(torch.tensor([[0, 0], [2, 3]]))
    assert torch.equal(found[0], embedding.weight[[0, 3]])
    assert torch.equal(found[1], embedding.weight[[2, 6]])


def test_rare_values_are_hidden_as_unseen_in_training_only() -> None:
    torch.manual_seed(0)
    embedding = CategoryEmbedding([4], features=2, counts=torch.tensor([0, 0, 1, 10_000]))
    codes = torch.tensor([[2], [3]]).repeat(4000, 1)
    hidden = (embedding(codes) == embedding.weight[UNSEEN]).all(-1).flatten().float()
    assert 0.45 < hidden[::2].mean() < 0.55
    assert hidden[1::2].mean() < 0.01
    assert torch.equal(embedding.eval()(codes)[0, 0], embedding.weight[2])


def test_unseen_of_a_later_column_is_that_columns_own_row() -> None:
    torch.manual_seed(0)
    embedding = CategoryEmbedding([3, 3], features=2, counts=torch.zeros(6))
    assert torch.equal(embedding(torch.tensor([[2, 2]]))[0], embedding.weight[[0, 3]])


def test_misspelt_strings_lie_nearer_than_other_strings() -> None:
    torch.manual_seed(0)
    embedding = NgramEmbedding(columns=1, buckets=4096, features=32)
    grams = hash_ngrams(["Firefighter Rescuer", "Firefigther Rescuer", "Office Services Coordinator"], buckets=4096)
    right, typo, other = embedding(grams.unsqueeze(1)).squeeze(1)
    near, far = torch.cosine_similarity(right, typo, dim=0), torch.cosine_similarity(right, other, dim=0)
    assert near > 0.4
    assert far < near - 0.3


def test_hashes_are_the_same_everywhere_and_within_their_buckets() -> None:
    grams = hash_ngrams(["ab cd", None, ""], buckets=100, grams=8)
    assert grams.shape == (3, 8)
    assert grams[1:].count_nonzero() == 0
    assert int(grams.max()) < 100
    assert torch.equal(grams, hash_ngrams(["ab cd", None, ""], buckets=100, grams=8))


def test_missing_strings_embed_to_zero() -> None:
    embedding = NgramEmbedding(columns=2, buckets=64, features=4)
    assert embedding(torch.zeros(3, 2, 5, dtype=torch.int64)).count_nonzero() == 0


def test_per_row_gradients_sum_to_the_batch_gradient() -> None:
    embedding = CategoryEmbedding([3, 4], features=2)
    codes = torch.tensor([[0, 1], [2, 3], [2, 0]])
    state = dict(embedding.named_parameters())
    energy = grad(lambda p, row: functional_call(embedding.eval(), p, (row.unsqueeze(0),)).square().sum())
    per_row = vmap(energy, (None, 0))(state, codes)
    embedding(codes).square().sum().backward()
    assert embedding.weight.grad is not None
    assert torch.allclose(per_row["weight"].sum(0), embedding.weight.grad)


def test_parameters_stack_under_vmap_in_training() -> None:
    embedding = CategoryEmbedding([3], features=2, counts=torch.ones(3))
    grams = NgramEmbedding(columns=1, buckets=16, features=2)
    many = vmap(lambda w: functional_call(embedding, {"weight": w}, (torch.tensor([[2]]),)), randomness="different")
    assert many(torch.randn(4, 3, 2)).shape == (4, 1, 1, 2)
    ngrams = vmap(lambda w: functional_call(grams, {"weight": w}, (torch.ones(1, 1, 3, dtype=torch.int64),)))
    assert ngrams(torch.randn(4, 16, 2)).shape == (4, 1, 1, 2)
