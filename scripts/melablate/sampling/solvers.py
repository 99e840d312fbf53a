"""Solvers of the reverse process: diffusers' schedulers, made from a base's own noise schedule."""

from typing import Any


def make_solver(name: str, scheduler: dict[str, Any]) -> Any:
    """A diffusers scheduler of that name for the noise that the base was trained with.

    Where that ends without signal, sampling must begin at its last timestep, on the timesteps that
    were trained (Lin et al. 2023, §3.3); Karras' levels would spend half of the steps near it.
    """
    karras = True
    if scheduler.get("rescale_betas_zero_snr"):
        scheduler, karras = scheduler | {"timestep_spacing": "trailing"}, False
    if name == "dpmsolver++":
        # DPM-Solver++ (2M) on Karras' noise levels, as the seed samples.
        from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

        return DPMSolverMultistepScheduler.from_config(
            scheduler, algorithm_type="dpmsolver++", use_karras_sigmas=karras
        )
    if name == "ddim":
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        return DDIMScheduler.from_config(scheduler, clip_sample=False, set_alpha_to_one=False)
    if name == "euler":
        from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

        return EulerDiscreteScheduler.from_config(scheduler)
    raise ValueError(f"no solver {name}")
