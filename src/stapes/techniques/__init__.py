"""Techniques: one file a family, each function makes one variant from the baseline and data."""
