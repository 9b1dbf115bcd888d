"""Ways to say what moved a network's answer: one method to a file."""

from vouch.contracts.explaining import Explainer
from vouch.explainers.attention import Attention, AttentionRollout
from vouch.explainers.expected_gradients import ExpectedGradients
from vouch.explainers.grad_cam import GradCam
from vouch.explainers.gradient import Gradient
from vouch.explainers.integrated_gradients import IntegratedGradients
from vouch.explainers.lime import Lime
from vouch.explainers.occlusion import Occlusion
from vouch.explainers.shapley import Shapley

ALL: tuple[Explainer, ...] = (
    Shapley(),
    IntegratedGradients(),
    ExpectedGradients(),
    Occlusion(),
    GradCam(),
    Lime(),
    AttentionRollout(),
    Attention(),
    Gradient(),
)
