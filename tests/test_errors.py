from __future__ import annotations

import pytest

from lanelight import errors


def test_a_misspelt_name_gets_the_nearest_known_one_and_all_others() -> None:
    message = errors.unknown_name("model", "defualt", ["enet_sad", "default"])
    assert message == "unknown model 'defualt': did you mean 'default'? known: default, enet_sad"


def test_a_name_that_is_like_no_other_gets_the_list_alone() -> None:
    assert errors.unknown_name("data set", "xyz", ["tusimple"]) == "unknown data set 'xyz': known: tusimple"


@pytest.mark.parametrize("kind", [errors.SourceError, errors.FormatError, errors.ModelError, errors.OutputError])
def test_every_error_of_the_user_is_caught_by_one_name(kind: type[errors.LanelightError]) -> None:
    assert issubclass(kind, errors.LanelightError)
