"""Fixtures that several test files use."""

from training_runs import bases

__all__ = ["bases"]
