"""Scoring the prediction files of a benchmark as its own tool does."""
