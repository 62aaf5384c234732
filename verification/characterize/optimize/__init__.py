"""The values of a cell that raise its least margin, its yield, or its speed."""
