"""A network put together: its plan, and circuit, timing and price as folds over the plan."""
