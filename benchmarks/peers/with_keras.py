"""The work, done by Keras on torch: the same nets in its own layers, ``fit`` on arrays."""

from __future__ import annotations

import time
from typing import Any

import keras  # pyright: ignore[reportMissingImports]
import numpy as np
from keras import layers, ops  # pyright: ignore[reportMissingImports]

from benchmarks.peers.nets import BLOCKS, HEADS, SPREAD, WIDTH
from benchmarks.peers.work import Array, Report, Work, answer, mean_loss

Node = Any


def uniform() -> keras.initializers.Initializer:
    """The first weights that torch's layers have."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def dense(units: int, activation: str | None = None) -> layers.Layer:
    """A linear layer as torch begins it."""
    return layers.Dense(units, activation, kernel_initializer=uniform())


def mlp(columns: int) -> tuple[Node, Node]:
    """Numbers through two hidden layers of 128 units."""
    x = keras.Input((columns,))
    return x, dense(128, "relu")(dense(128, "relu")(x))


def resnet(channels: int) -> tuple[Node, Node]:
    """Pictures through three residual stages of 32, 64 and 128 channels."""
    pictures = keras.Input((channels, 28, 28))
    x = residual(convolution(pictures, 32, 2), 32)
    for width in (64, 128):
        x = residual(convolution(layers.MaxPooling2D(2)(x), width), width)
    return pictures, layers.GlobalAveragePooling2D()(x)


def residual(x: Node, width: int) -> Node:
    """Two convolutions around which the input skips."""
    return layers.Add()([x, convolution(convolution(x, width), width)])


def convolution(x: Node, width: int, stride: int = 1) -> Node:
    """A convolution of three by three, normalised over the batch, and ReLU."""
    x = layers.Conv2D(width, 3, stride, "same", use_bias=False, kernel_initializer=uniform())(x)
    return layers.ReLU()(layers.BatchNormalization(1, momentum=0.9, epsilon=1e-5)(x))


class Present(layers.Layer):
    """Where pieces are (B, T)."""

    def call(self, pieces: Node) -> Node:
        """Padding is 0."""
        return ops.greater(pieces, 0)


class MeanOf(layers.Layer):
    """The mean vector (B, D) over the pieces that are there."""

    def call(self, x: Node, present: Node) -> Node:
        """Vectors (B, T, D) and where pieces are (B, T)."""
        share = ops.cast(present, x.dtype)
        return ops.sum(x * ops.expand_dims(share / ops.sum(share, 1, keepdims=True), 2), 1)


class Placed(layers.Layer):
    """Vectors (B, T, D), and a learned one for each place."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """As many places as there are pieces."""
        self.places = self.add_weight(shape=shape[1:], initializer=keras.initializers.RandomNormal(stddev=SPREAD))

    def call(self, x: Node) -> Node:
        """Both added."""
        return x + self.places


def transformer(vocabulary: int, tokens: int) -> tuple[Node, Node]:
    """Numbers of pieces through two blocks of attention to the mean vector."""
    pieces = keras.Input((tokens,), dtype="int64")
    present = Present()(pieces)
    spread = keras.initializers.RandomNormal(stddev=SPREAD)
    x = Placed()(layers.Embedding(vocabulary, WIDTH, embeddings_initializer=spread)(pieces))
    seen = layers.Reshape((1, tokens))(present)
    for _ in range(BLOCKS):
        normed = layers.LayerNormalization(epsilon=1e-5)(x)
        attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, kernel_initializer=uniform())
        x = layers.Add()([x, attention(normed, normed, attention_mask=seen)])
        wide = dense(2 * WIDTH, "gelu")(layers.LayerNormalization(epsilon=1e-5)(x))
        x = layers.Add()([x, dense(WIDTH)(wide)])
    return pieces, MeanOf()(layers.LayerNormalization(epsilon=1e-5)(x), present)


class Ends(keras.callbacks.Callback):
    """When each epoch was over, its validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """One more is over."""
        del epoch, logs
        self.ends.append(time.perf_counter())


def do(work: Work, arrays: dict[str, Array]) -> Report:
    """Train for all epochs."""
    keras.utils.set_random_seed(work.seed)
    keras.config.set_image_data_format("channels_first")  # as torch has it: nothing need be turned round
    x, vectors = {"mlp": mlp, "resnet": resnet, "transformer": transformer}[work.net](**work.sizes)
    model, ends = keras.Model(x, dense(work.classes)(vectors)), Ends()
    model.compile(
        keras.optimizers.AdamW(work.learning_rate, weight_decay=0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(
        arrays["x_train"], arrays["y_train"], work.batch_size, work.epochs + 1, verbose=0, callbacks=[ends],
        validation_data=(arrays["x_valid"], arrays["y_valid"]),
    )  # fmt: skip
    parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    loss = mean_loss(model.predict(arrays["x_train"], work.batch_size, verbose=0), arrays["y_train"])
    return Report(ends.ends, int(model.optimizer.iterations), parameters, loss, f"keras {keras.__version__}")


if __name__ == "__main__":
    answer(do)
