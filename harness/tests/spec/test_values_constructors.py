"""What a constructor answers to a slip of the pen: the class, and the fields there are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.fleet.optimizers import Sgd
from harness.models import Mlp
from harness.spec import Experiment, Tiers


@pytest.mark.parametrize(
    "kind, values, named, said",
    [
        (Mlp, (), {"widht": 512}, "Mlp has no field 'widht'; it has width, depth, batch_norm, bias"),
        (Tiers, (), {"quik": 1}, "Tiers has no field 'quik'; it has quick, standard, full"),
        (Experiment, (), {"model": 1}, "Experiment needs data, optimizer; it has data, model"),
        (Tiers, (1, 2, 3, 4), {}, "Tiers got 4 values for 3 fields; it has quick, standard, full"),
        (Mlp, (3,), {"width": 4}, "Mlp: 'width' is given twice"),
        (Sgd, (), {"epochs": 3}, "Sgd needs lr; it has lr, epochs"),
        (Mlp, ("wide",), {}, "Mlp(width='wide'): Expected `int`, got `str`"),
    ],
)
def test_a_slip_in_a_constructor_names_the_class_and_its_fields(
    kind: Any, values: tuple[Any, ...], named: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(said)):
        kind(*values, **named)
