"""Measuring the engine against annotated data."""
