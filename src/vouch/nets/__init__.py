"""Pure torch modules, each readable alone: tensors in, tensors out, the same bits for the same seed."""

from vouch.nets.bag import BagOfWords, TextCNN
from vouch.nets.cnn import CNN
from vouch.nets.ensemble import ParameterSharingEnsemble
from vouch.nets.mlp import MLP
from vouch.nets.resnet import ResNet
from vouch.nets.several import DeepEnsemble
from vouch.nets.transformer import SequenceEncoder

ALL = (MLP, ParameterSharingEnsemble, DeepEnsemble, CNN, ResNet, BagOfWords, TextCNN, SequenceEncoder)

__all__ = [
    "ALL",
    "CNN",
    "MLP",
    "BagOfWords",
    "DeepEnsemble",
    "ParameterSharingEnsemble",
    "ResNet",
    "SequenceEncoder",
    "TextCNN",
]
