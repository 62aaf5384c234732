"""``python -m netlist_gen``: the command line."""

from netlist_gen.cli import main

main()
