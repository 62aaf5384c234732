"""What characterization writes: measurements, tables, models."""
