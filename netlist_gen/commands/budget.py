"""A chip's budget as a table and sentences, for ``performance`` and ``inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from netlist_gen.assembly.budget import ChipBudget


def print_budget(budget: ChipBudget) -> None:
    """What a circuit takes of a chip, and what is more than the profile allows."""
    from rich.console import Console
    from rich.table import Table

    from verification.report.numbers import engineering

    table = Table(title=f"Chip, profile {budget.profile}", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for bus in budget.buses:
        table.add_row(
            f"bus of {bus.name}: junctions, control lines",
            f"{engineering(bus.bias_A, 'A')}, {engineering(bus.control_A, 'A')}",
        )
    areas = ", ".join(f"{area * 1e6:.3g} ({name})" for name, area in budget.area_m2.items())
    for row in (
        ("bias in all", engineering(budget.current_A, "A")),
        ("islands in series", f"{budget.islands} of {engineering(budget.island_A, 'A')}"),
        ("couplers between islands", f"{budget.nets_between} for {budget.nets} nets"),
        ("supply", engineering(budget.supply_V, "V")),
        ("junctions", f"{budget.junctions}"),
        ("area, mm2 (density)", areas),
        ("pads", budget.pads_in_words),
        ("bits a second at the inputs", engineering(budget.input_bits_per_s, "bit/s")),
        ("bits a second at the outputs", engineering(budget.output_bits_per_s, "bit/s")),
        ("expected defects", f"{budget.defects:.3g}"),
    ):
        table.add_row(*row)
    Console().print(table)
    for sentence in budget.exceeded:
        click.echo(f"exceeded: {sentence}")
