from __future__ import annotations

import pytest

from netlist_gen.errors import ConfigurationError
from netlist_gen.resources import resource_dir


@pytest.mark.parametrize("name", ["cells", "templates"])
def test_found(name):
    assert resource_dir(name).is_dir()


def test_not_found():
    with pytest.raises(
        ConfigurationError,
        match=r"^this installation has no directory 'nothing' beside or above \S.*netlist_gen: "
        r"install it again$",
    ):
        resource_dir("nothing")
