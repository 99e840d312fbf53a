"""Prompts, common noise, guidance and solvers, and the folder of samples."""

from pathlib import Path

import numpy as np
import pytest
import torch
from audio_signals import mel_db
from hypothesis import given
from hypothesis import strategies as st
from melablate.audio.png import png_to_image
from melablate.models.base import load_base
from melablate.sampling.generate import decode_latents, generate_latents, start_noise
from melablate.sampling.prompts import Prompt, choose_prompts, read_prompts, write_prompts
from melablate.sampling.samples import Sample, write_samples
from melablate.sampling.settings import Prompts
from melablate.sampling.settings import Sample as Settings

CLIPS = [f"{number}-0" for number in range(40)]
CAPTIONS = [[f"caption {number}, slow", "another"] for number in range(40)]
SPLITS = ["heldout" if number % 2 else "train" for number in range(40)]
JOBS = [(Prompt("a" * 16, "a piano"), 0), (Prompt("b" * 16, "drums"), 0)]


def test_prompts_are_first_captions_of_held_out_clips() -> None:
    prompts = choose_prompts(CLIPS, CAPTIONS, SPLITS, Prompts(heldout=5, extra=("a gong",)))
    assert [p.text for p in prompts[-1:]] == ["a gong"]
    for prompt in prompts[:5]:
        row = CLIPS.index(prompt.clip_id)
        assert SPLITS[row] == "heldout" and prompt.text == CAPTIONS[row][0]


@given(st.permutations(range(40)))
def test_the_choice_does_not_depend_on_the_order_of_clips(order: list[int]) -> None:
    pick = [[values[i] for i in order] for values in (CLIPS, CAPTIONS, SPLITS)]
    shuffled = choose_prompts(pick[0], pick[1], pick[2], Prompts(heldout=5))
    assert shuffled == choose_prompts(CLIPS, CAPTIONS, SPLITS, Prompts(heldout=5))


def test_more_prompts_keep_the_earlier_ones() -> None:
    few = choose_prompts(CLIPS, CAPTIONS, SPLITS, Prompts(heldout=5))
    many = choose_prompts(CLIPS, CAPTIONS, SPLITS, Prompts(heldout=9))
    assert many[:5] == few


def test_too_few_held_out_clips_and_doubled_prompts_are_told() -> None:
    with pytest.raises(SystemExit, match=r"prompts\.heldout is 30, but only 20"):
        choose_prompts(CLIPS, CAPTIONS, SPLITS, Prompts(heldout=30))
    with pytest.raises(SystemExit, match=r"more than once: a gong"):
        choose_prompts(CLIPS, CAPTIONS, SPLITS, Prompts(heldout=1, extra=("a gong", "a gong")))


def test_prompts_survive_the_file(tmp_path: Path) -> None:
    prompts = [Prompt("0" * 16, 'says "no",\nthen ünïcode', "1-0"), Prompt("1" * 16, "plain")]
    write_prompts(tmp_path / "prompts.csv", prompts)
    assert read_prompts(tmp_path / "prompts.csv") == prompts


def test_noise_depends_on_seed_prompt_and_number_alone() -> None:
    prompt, shape = JOBS[0][0], (4, 8, 8)
    noise = start_noise(0, prompt, 0, shape)
    torch.rand(3)  # global draws do not matter
    assert torch.equal(noise, start_noise(0, prompt, 0, shape))
    for other in ((1, prompt, 0), (0, JOBS[1][0], 0), (0, prompt, 1)):
        assert not torch.equal(noise, start_noise(*other, shape))
    assert abs(float(start_noise(0, prompt, 0, (4, 64, 64)).std()) - 1) < 0.05


@pytest.mark.parametrize("base", ["sd", "xl"])
@pytest.mark.parametrize("sampler", ["dpmsolver++", "ddim", "euler"])
def test_a_prompt_is_sampled_alike_alone_and_among_others(
    bases: dict[str, Path], base: str, sampler: str
) -> None:
    loaded = load_base(bases[base])
    settings = Settings(sampler=sampler, steps=3, guidance=3)
    both = generate_latents(loaded, JOBS, (8, 8), settings, seed=0)
    alone = generate_latents(loaded, JOBS[1:], (8, 8), settings, seed=0)
    assert torch.isfinite(both).all()
    torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=1e-3)


def test_guidance_of_one_is_the_conditional_prediction(bases: dict[str, Path]) -> None:
    loaded = load_base(bases["sd"])
    plain = generate_latents(loaded, JOBS, (8, 8), Settings(steps=2, guidance=1), seed=0)
    near = generate_latents(loaded, JOBS, (8, 8), Settings(steps=2, guidance=1.0001), seed=0)
    far = generate_latents(loaded, JOBS, (8, 8), Settings(steps=2, guidance=8), seed=0)
    torch.testing.assert_close(plain, near, atol=1e-2, rtol=1e-2)
    assert not torch.allclose(plain, far, atol=1e-3)


def test_a_negative_prompt_leads_away(bases: dict[str, Path]) -> None:
    loaded = load_base(bases["sd"])
    same = Settings(steps=2, guidance=5, negative_prompt="a piano")
    latents = generate_latents(loaded, JOBS[:1], (8, 8), same, seed=0)
    plain = generate_latents(loaded, JOBS[:1], (8, 8), Settings(steps=2, guidance=1), seed=0)
    # Negative = positive: the two predictions cancel and no guidance is left.
    torch.testing.assert_close(latents, plain, atol=1e-4, rtol=1e-3)


def test_ddim_agrees_with_its_formula(bases: dict[str, Path]) -> None:
    """Song et al. 2021, eq. 12 with σ = 0, against the loop with guidance off."""
    loaded = load_base(bases["sd"])
    settings = Settings(sampler="ddim", steps=2, guidance=1)
    got = generate_latents(loaded, JOBS[:1], (8, 8), settings, seed=3)
    from melablate.models.conditioning import encode, unet_arguments
    from melablate.sampling.solvers import make_solver

    solver = make_solver("ddim", loaded.scheduler)
    solver.set_timesteps(2)
    x = start_noise(3, JOBS[0][0], 0, (4, 8, 8)).unsqueeze(0)
    text = encode(loaded, [JOBS[0][0].text])
    times = solver.timesteps.tolist()
    with torch.no_grad():
        for time, then in zip(times, [*times[1:], -1], strict=True):
            arguments = unet_arguments(loaded, text, x)
            noise = loaded.unet(x, torch.tensor(time), **arguments).sample
            now, next_ = loaded.alphas[time], loaded.alphas[max(then, 0)]
            clean = (x - (1 - now).sqrt() * noise) / now.sqrt()
            x = next_.sqrt() * clean + (1 - next_).sqrt() * noise
    torch.testing.assert_close(got, x, atol=1e-4, rtol=1e-3)


def test_decoded_images_are_grey_bytes(bases: dict[str, Path]) -> None:
    vae = load_base(bases["sd"], parts=("vae",)).vae
    images = decode_latents(vae, torch.randn(3, 4, 8, 8), mel_db(), [""] * 3, batch_size=2)
    assert images.dtype == np.uint8 and images.shape[:2] == (3, 1) and images.ndim == 4


def test_what_is_no_number_is_not_black(bases: dict[str, Path]) -> None:
    """NaN as a byte is 0: it must stop the job and name the prompt."""
    vae = load_base(bases["sd"], parts=("vae",)).vae
    latents = torch.randn(3, 4, 8, 8)
    latents[1, 0, 0, 0] = torch.nan
    with pytest.raises(SystemExit, match=r"decoded image of b: not finite"):
        decode_latents(vae, latents, mel_db(), ["a", "b", "c"], batch_size=2)
    with pytest.raises(ValueError, match="not in float32"):
        decode_latents(vae.to(torch.bfloat16), latents, mel_db(), ["a", "b", "c"])
    broken = load_base(bases["sd"])
    broken.unet.conv_out.bias.data[0] = torch.inf
    with pytest.raises(SystemExit, match=r"latents of prompt 'a piano' \(sample 0\), prompt"):
        generate_latents(broken, JOBS, (8, 8), Settings(steps=2), seed=0)


def test_samples_are_written_whole(tmp_path: Path) -> None:
    import soundfile

    codec = mel_db(seconds=1, n_mels=16, width=32)
    image = np.arange(16 * 32, dtype=np.uint8).reshape(1, 16, 32)
    tone = np.sin(np.arange(codec.samples) / 10).astype(np.float32) / 2
    write_samples(tmp_path / "samples", [Sample(JOBS[0][0], 0, image, tone[None])], codec)
    stem = tmp_path / "samples" / f"{'a' * 16}-0"
    read, found = png_to_image(stem.with_suffix(".png").read_bytes())
    np.testing.assert_array_equal(read, image)
    assert found == codec
    audio, rate = soundfile.read(stem.with_suffix(".wav"))
    assert rate == 16000 and np.abs(audio - tone).max() < 1e-4
    index = (tmp_path / "samples" / "index.csv").read_text()
    assert index.splitlines()[1] == f"{'a' * 16},0,a piano,{'a' * 16}-0.png,{'a' * 16}-0.wav,,1.000"
