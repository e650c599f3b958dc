"""Torch blocks that two or more networks use."""
