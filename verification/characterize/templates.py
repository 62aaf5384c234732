"""The templates of what is written of a cell: models, tables, the neurons' flux design."""

from __future__ import annotations

from functools import cache

import jinja2

from netlist_gen.resources import resource_dir


@cache
def model_template(name: str) -> jinja2.Template:
    """The template ``name`` of ``templates/models/``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_dir("templates") / "models"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
