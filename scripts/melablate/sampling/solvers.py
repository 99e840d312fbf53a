"""Solvers of the reverse process: diffusers' schedulers, made from a base's own noise schedule."""

from typing import Any


def make_solver(name: str, scheduler: dict[str, Any]) -> Any:
    """A diffusers scheduler of that name for the noise that the base was trained with."""
    if name == "dpmsolver++":
        # DPM-Solver++ (2M) on Karras' noise levels, as the seed samples.
        from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

        return DPMSolverMultistepScheduler.from_config(
            scheduler, algorithm_type="dpmsolver++", use_karras_sigmas=True
        )
    if name == "ddim":
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        return DDIMScheduler.from_config(scheduler, clip_sample=False, set_alpha_to_one=False)
    if name == "euler":
        from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

        return EulerDiscreteScheduler.from_config(scheduler)
    raise ValueError(f"no solver {name}")
