"""What everything is built of: process, cells, measured tables, design rules, clock phases."""
