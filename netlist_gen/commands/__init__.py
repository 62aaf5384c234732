"""Commands: click parses, ``netlist_gen.api`` does, the result is printed."""
