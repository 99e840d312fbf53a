"""How often a table of arms that all do nothing gives any verdict, by several rules.

PYTHONPATH=scripts python benchmarks/verdict_errors.py > benchmarks/verdict_errors.md
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from interval_coverage import Float, draw
from melablate.metrics.effects import Estimate, estimate
from melablate.metrics.moderation import moderated
from scipy.special import digamma, polygamma

ERROR = 0.05
SPREADS = (
    "alike",
    "one arm's seeds 4 times",
    "one arm's seeds 25 times",
    "half the arms' seeds 4 times",
    "seeds 1 to 100 times",
    "all of an arm 1 to 100 times",
)
"""How the arms' variances differ; the baseline's is 1, but for the last two, which have none."""
MIXES = {"samples": ((1.0, 0.3, 1.0), 12), "sets": ((1.0, 0.0, 0.0), 1)}
"""Standard deviations of seed, prompt and residual, and the number of prompts."""
RULES = ("Holm", "prior estimated", "the table's")


def variances(spread: str, arms: int) -> tuple[Float, Float, float]:
    """Of each arm's seeds, of all of an arm, and of the baseline that all share."""
    seeds, whole = np.ones(arms), np.ones(arms)
    if spread.startswith("one"):
        seeds[0] = float(spread.split()[-2])
    elif spread.startswith("half"):
        seeds[: max(1, arms // 2)] = 4
    elif spread.startswith("seeds"):
        seeds = np.logspace(-1, 1, arms)
    elif spread.startswith("all"):
        whole = np.logspace(-1, 1, arms)
    return seeds, whole, 0.0 if "100" in spread else 1.0


def family(
    rng: np.random.Generator, law: str, mix: str, spread: str, shape: tuple[int, int, int]
) -> list[Float]:
    """Differences [studies, seeds, prompts] of every arm to one baseline; the true ones are 0."""
    studies, arms, seeds = shape
    (of_seed, of_prompt, residual), prompts = MIXES[mix]
    by_seed, whole, base = variances(spread, arms)

    def run(seed: float, all_: float) -> Float:
        made: Float = np.sqrt(all_) * (
            of_seed * np.sqrt(seed) * draw(rng, law, (studies, seeds, 1))
            + of_prompt * draw(rng, law, (studies, 1, prompts))
            + residual * draw(rng, law, (studies, seeds, prompts))
        )
        return made

    baseline = base * run(1.0, 1.0)
    return [run(seed, all_) - baseline for seed, all_ in zip(by_seed, whole, strict=True)]


def estimated_prior(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Smyth's moderated variances, prior and its degrees of freedom estimated from the arms."""
    own = np.stack([part.components[0].variance for part in estimates])
    df = estimates[0].components[0].df
    logs = np.log(own) - digamma(df / 2) + np.log(df / 2)
    excess = logs.var(axis=0, ddof=1) - polygamma(1, df / 2)
    grid = np.logspace(4, -3, 5000)
    prior = 2 * np.interp(np.maximum(excess, 1e-9), polygamma(1, grid), grid)
    shared = np.exp(logs.mean(axis=0) + digamma(prior / 2) - np.log(prior / 2))
    total = np.minimum(df + prior, df * len(own))
    found = []
    for part, variance in zip(estimates, own, strict=True):
        drawn = (df * variance + prior * shared) / (df + prior)
        # One number of degrees of freedom a study: Component's is one for all, but broadcasts.
        moved = replace(part.components[0], variance=drawn, df=total)
        found.append(replace(part, components=(moved, *part.components[1:])))
    return found


def verdicts(judged: Sequence[Estimate], own: Sequence[Estimate] | None = None) -> Float:
    """Which studies give any: Holm on `judged`, and `own` 95 % intervals clear of zero."""
    effects = np.abs(np.stack([part.mean for part in judged]))
    clear = np.ones(effects.shape, bool)
    if own is not None:
        clear = effects > np.stack([part.half_width(ERROR) for part in own])
    alive, any_ = np.ones(effects.shape[1], bool), np.zeros(effects.shape[1], bool)
    for step in range(len(judged)):
        level = ERROR / (len(judged) - step)
        below = effects > np.stack([part.half_width(level) for part in judged])
        # Holm goes on while the (step + 1) smallest p-values are below the step's level.
        alive &= below.sum(axis=0) > step
        any_ |= alive & (below & clear).any(axis=0)
        if not (alive & ~any_).any():
            break
    return np.asarray(any_, float)


def errors(made: Sequence[Float]) -> dict[str, tuple[float, float]]:
    """By rule: how often there is a verdict, and the median effect that one begins at."""
    plain = [estimate(differences) for differences in made]
    drawn = moderated(plain)
    level = ERROR / len(made)

    def begins(judged: Sequence[Estimate], least: Sequence[Estimate] | None = None) -> float:
        ends = np.stack([part.half_width(level) for part in judged])
        if least is not None:
            ends = np.maximum(ends, [part.half_width(ERROR) for part in least])
        return float(np.median(ends))

    found = {"Holm": (verdicts(plain).mean(), begins(plain))}
    if len(made) > 2:
        smyth = estimated_prior(plain)
        found["prior estimated"] = (verdicts(smyth).mean(), begins(smyth))
    found["the table's"] = (verdicts(drawn, plain).mean(), begins(drawn, plain))
    return {rule: (float(rate), start) for rule, (rate, start) in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=12_000)
    arguments = parser.parse_args()
    print("# Tables with a false verdict\n")
    print(
        "No arm does anything. Share of simulated studies, in %, in which any arm gets a verdict "
        f"(5 is asked for), and after it the median effect at which verdicts begin. Holm on each "
        "arm's own interval; on variances moderated with an estimated prior (Smyth 2004); and the "
        "table's rule (`scripts/melablate/metrics/moderation.py`). All arms share the baseline's "
        "seeds. `samples` are metrics of 12 prompts, `sets` those of whole sets; `heavy` is "
        f"Student's t of 3 degrees of freedom. {arguments.studies} studies a line; "
        "`python benchmarks/verdict_errors.py` makes this page again.\n"
    )
    print(f"| seeds | arms | variances | metric | law | {' | '.join(RULES)} |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    worst: dict[str, float] = {}
    for seeds in (2, 3, 5):
        for arms in (2, 4, 7, 16):
            for spread in SPREADS:
                for mix in MIXES:
                    for law in ("normal", "heavy"):
                        key = [seeds, arms, *f"{spread}{mix}{law}".encode()]
                        shape = (arguments.studies, arms, seeds)
                        made = family(np.random.default_rng(key), law, mix, spread, shape)
                        found = errors(made)
                        for rule, (rate, _) in found.items():
                            worst[rule] = max(worst.get(rule, 0), rate)
                        shown = [
                            f"{100 * found[rule][0]:.1f} ({found[rule][1]:.3g})"
                            if rule in found
                            else "–"
                            for rule in RULES
                        ]
                        cells = [str(seeds), str(arms), spread, mix, law, *shown]
                        print(f"| {' | '.join(cells)} |", flush=True)
    print("\nMost false verdicts on any line:\n")
    for rule in RULES:
        print(f"- {rule}: {100 * worst[rule]:.1f} %")


if __name__ == "__main__":
    main()
