import pytest

from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError
from vouch.training.settings import override

REMEDIES = ("mixup", "cutmix", "focal", "logit_adjustment")


@pytest.mark.parametrize("key", REMEDIES)
def test_a_remedy_is_off_until_it_is_asked_for(key):
    assert getattr(Recipe(), key) == 0
    assert getattr(override(Recipe(), {key: "0.5"}), key) == 0.5


@pytest.mark.parametrize("key", REMEDIES)
@pytest.mark.parametrize("value", [-0.1, 1000, "nan", "much"])
def test_a_strength_out_of_range_is_refused(key, value):
    with pytest.raises(UsageError, match=f"'{key}'"):
        override(Recipe(), {key: value})


def test_a_misspelt_key_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match="mixup"):
        override(Recipe(), {"mix_up": 0.2})
