"""How often the table's 95 % intervals hold the true effect, beside the plain bootstrap.

PYTHONPATH=scripts python benchmarks/interval_coverage.py > benchmarks/interval_coverage.md
"""

import argparse

import numpy as np
from melablate.metrics.effects import estimate
from numpy.typing import NDArray

Float = NDArray[np.float64]
MIXES = {
    "residual alone": (0.0, 0.0, 1.0),
    "a little of seed and prompt": (0.15, 0.3, 1.0),
    "seed and prompt below the residual": (0.5, 0.3, 1.0),
    "prompt and residual": (0.0, 1.0, 1.0),
    "seed and prompt": (1.0, 1.0, 0.3),
    "mostly seed": (1.0, 0.3, 1.0),
    "mostly prompt": (0.0, 1.0, 0.3),
}
"""Standard deviations of seed, prompt and residual."""
LAWS = ("normal", "heavy", "contaminated", "skewed")


def draw(rng: np.random.Generator, law: str, shape: tuple[int, ...]) -> Float:
    """Unit variance, mean 0: normal; Student's t of 3 df; one in ten 5 times wider; exponential."""
    if law == "normal":
        return rng.standard_normal(shape)
    if law == "heavy":
        return rng.standard_t(3, shape) / np.sqrt(3)
    if law == "contaminated":
        wide = np.where(rng.random(shape) < 0.1, 5.0, 1.0)
        return rng.standard_normal(shape) * wide / np.sqrt(0.9 + 0.1 * 25)
    return rng.exponential(1, shape) - 1


def studies(
    rng: np.random.Generator, law: str, mix: tuple[float, float, float], shape: tuple[int, int, int]
) -> Float:
    """Differences [studies, seeds, prompts] whose true mean is 0."""
    count, seeds, prompts = shape
    seed, prompt, residual = mix
    return (
        seed * draw(rng, law, (count, seeds, 1))
        + prompt * draw(rng, law, (count, 1, prompts))
        + residual * draw(rng, law, (count, seeds, prompts))
    )


def covers(differences: Float, level: float = 0.05) -> float:
    """Share of the studies whose interval holds 0."""
    found = estimate(differences)
    return float(np.mean(np.abs(found.mean) <= found.half_width(level)))


def bootstrap_covers(rng: np.random.Generator, differences: Float, resamples: int = 600) -> float:
    """The same of the percentile bootstrap that resamples seeds and prompts."""
    _, seeds, prompts = differences.shape
    hits = []
    for table in differences:
        by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
        by_prompt = rng.multinomial(prompts, np.full(prompts, 1 / prompts), resamples) / prompts
        means = ((by_seed @ table) * by_prompt).sum(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        hits.append(low <= 0 <= high)
    return float(np.mean(hits))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--bootstrapped", type=int, default=1_000)
    arguments = parser.parse_args()
    print("# Coverage of the intervals\n")
    print(
        "True effect 0, 12 prompts. Share of simulated studies whose interval holds it, in %: "
        "the table's interval at 95 % and at 99.7 % (the first step of Holm with 16 arms), and "
        "the plain percentile bootstrap of seeds × prompts at 95 %.\n"
        "`heavy` is Student's t of 3 degrees of freedom, `contaminated` has one value in ten "
        f"from five times the spread, `skewed` is exponential. {arguments.studies} studies a line "
        f"({arguments.bootstrapped} for the bootstrap); "
        "`python benchmarks/interval_coverage.py` makes this page again.\n"
    )
    print("| seeds | differences vary by | law | 95 % | 99.7 % | bootstrap 95 % |")
    print("| --- | --- | --- | --- | --- | --- |")
    worst: dict[tuple[int, bool], list[tuple[float, float]]] = {}
    for seeds in (3, 5):
        for name, mix in MIXES.items():
            for law in LAWS:
                rng = np.random.default_rng([seeds, *name.encode(), *law.encode()])
                made = studies(rng, law, mix, (arguments.studies, seeds, 12))
                plain = bootstrap_covers(rng, made[: arguments.bootstrapped])
                figures = (covers(made), covers(made, 0.003), plain)
                worst.setdefault((seeds, law == "skewed"), []).append((figures[0], plain))
                shown = " | ".join(f"{100 * figure:.1f}" for figure in figures)
                print(f"| {seeds} | {name} | {law} | {shown} |", flush=True)
    print("\nLowest coverage at 95 %:\n")
    for (seeds, skewed), found in worst.items():
        ours, plain = (100 * min(column) for column in zip(*found, strict=True))
        laws = "skewed" if skewed else "normal, heavy or contaminated"
        print(f"- {seeds} seeds, {laws}: the table's {ours:.1f} %, bootstrap {plain:.1f} %")


if __name__ == "__main__":
    main()
