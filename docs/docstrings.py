"""How our docstrings are shown on the pages: examples as code, and roles of Sphinx as plain names."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:func|class|mod|meth):`~?([^`]+)`")


class Docstrings(griffe.Extension):
    """Bring each docstring to the form that the page builder knows."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for every module, class, function and attribute once it is read."""
        del kwargs
        if obj.docstring:
            plain = obj.docstring.value.replace("Example:\n", "Examples:\n")
            obj.docstring.value = _ROLE.sub(r"``\1``", plain)
