"""Measures of how good a correction is."""
