"""Small checkpoints of the transformers library, made on the spot with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from vouch.nets.borrowed import quiet_transformers

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "parcel", "came", "late", "and", "was", "red", "green",
    "blue", "small", "large", "heavy", "opened", "kept", "lost", "sent", "returned", "sold", "##s", "##ed",
]  # fmt: skip
TEXTS = [
    f"the parcel {how} came late and was {what}"
    for how in ("red", "green", "blue", "small", "large", "heavy")
    for what in ("opened", "kept", "lost", "sent", "returned", "sold")
] * 4  # fmt: skip


def vit(place: Path) -> Path:
    """A vision transformer of two layers for pictures of 32 x 32 pixels."""
    with quiet_transformers() as transformers:
        torch.manual_seed(0)
        config = transformers.ViTConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32,
            patch_size=8,
        )  # fmt: skip
        transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(place)
    processor = {"size": {"height": 32, "width": 32}, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}
    (place / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return place


def resnet(place: Path) -> Path:
    """A residual net without a file on how its pictures are prepared."""
    with quiet_transformers() as transformers:
        torch.manual_seed(0)
        config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
        transformers.ResNetModel(config).save_pretrained(place)
    return place


def bert(place: Path, size: int = 32) -> Path:
    """A BERT of two layers with a vocabulary of a few words."""
    with quiet_transformers() as transformers:
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(WORDS), hidden_size=size, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=40,
        )  # fmt: skip
        transformers.BertModel(config).save_pretrained(place)
    (place / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    told = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 40}
    (place / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return place
