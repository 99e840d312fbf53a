"""Fixtures that several test files use."""

from hypothesis import HealthCheck, settings
from training_runs import bases

# Time tells nothing of what is tested, and machines that run tests are busy.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

__all__ = ["bases"]
