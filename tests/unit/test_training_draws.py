"""Common random numbers: what two arms of one seed see."""

import torch
from melablate.training.batches import collate
from melablate.training.draws import Draws
from melablate.training.images import Cached, Images
from melablate.training.settings import Train
from melablate.training.stream import Stream


def images(count: int, variants: int = 1) -> Images:
    mean = torch.arange(count * variants, dtype=torch.float32).view(count, variants, 1, 1, 1)
    mean = mean.expand(-1, -1, 4, 2, 2).contiguous()
    captions = [[f"caption {i} {j}" for j in range(1 + i % 3)] for i in range(count)]
    return Images([f"{i}-0" for i in range(count)], captions, Cached(mean, mean * 0))


def stream(count: int = 5, seed: int = 0, other: int = 0, variants: int = 1, **settings) -> Stream:  # type: ignore[no-untyped-def]
    return Stream(
        Train(**settings), Draws(seed), images(count, variants), images(other) if other else None
    )


def seen(made: Stream, count: int = 20) -> list[tuple[str, str]]:
    return [(sample.clip_id, sample.caption) for sample in made.samples(0, count)]


def test_a_draw_depends_on_seed_purpose_and_position_only() -> None:
    draws = Draws(3)
    torch.manual_seed(1)
    first = draws.normal((4,), "noise", 7)
    torch.manual_seed(2)
    assert torch.equal(first, Draws(3).normal((4,), "noise", 7))
    for other in (
        Draws(4).normal((4,), "noise", 7),
        draws.normal((4,), "posterior", 7),
        draws.normal((4,), "noise", 8),
    ):
        assert not torch.equal(first, other)


def test_draws_are_spread_as_they_should() -> None:
    draws = Draws(0)
    values = torch.tensor([draws.uniform("x", i) for i in range(4000)])
    assert abs(values.mean() - 0.5) < 0.02 and abs(values.var() - 1 / 12) < 0.004
    noise = torch.cat([draws.normal((16,), "x", i) for i in range(1000)])
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.02
    counts = torch.bincount(torch.tensor([draws.integer(10, "x", i) for i in range(4000)]))
    assert len(counts) == 10 and counts.min() > 320 and counts.max() < 480


def test_arms_that_differ_in_the_loss_see_the_same_draws() -> None:
    plain, huber = stream(), stream(loss={"kind": "huber"}, lr=1.0, rank=64, min_snr_gamma=5.0)
    batches = [
        collate(made.samples(4, 4), made.draws, 1000, Train(), torch.device("cpu"))
        for made in (plain, huber)
    ]
    assert batches[0].captions == batches[1].captions
    for name in ("latents", "noise", "timesteps"):
        assert torch.equal(getattr(batches[0], name), getattr(batches[1], name))


def test_batch_size_does_not_change_the_samples_nor_their_noise() -> None:
    assert seen(stream(batch_size=1)) == seen(stream(batch_size=4, accumulation=2))
    made = stream()
    whole = collate(
        made.samples(0, 4), made.draws, 1000, Train(noise_offset=0.1), torch.device("cpu")
    )
    half = collate(
        made.samples(2, 2), made.draws, 1000, Train(noise_offset=0.1), torch.device("cpu")
    )
    assert torch.equal(whole.noise[2:], half.noise)
    assert torch.equal(whole.timesteps[2:], half.timesteps)


def test_noise_offset_adds_to_the_same_noise_one_number_a_channel() -> None:
    made = stream()
    plain, offset = (
        collate(made.samples(0, 3), made.draws, 1000, Train(noise_offset=o), torch.device("cpu"))
        for o in (0.0, 0.5)
    )
    added = offset.noise - plain.noise
    assert torch.allclose(added, added[:, :, :1, :1].expand_as(added), atol=1e-6)
    assert added[:, :, 0, 0].unique().numel() == 12


def test_every_image_comes_once_an_epoch_and_every_caption_before_one_comes_again() -> None:
    made = stream(count=5, repeats=2)
    epoch = [sample.index for sample in made.samples(0, 10)]
    assert sorted(epoch) == sorted([*range(5)] * 2)
    assert epoch != [sample.index for sample in made.samples(10, 10)]
    of_two = [s.caption for s in made.samples(0, 60) if s.index == 2]
    assert len(of_two) == 12 and {of_two.count(c) for c in set(of_two)} == {4}


def test_regularization_images_are_cycled_one_for_one_with_their_weight() -> None:
    made = stream(count=4, other=3, repeats=2, regularization={"weight": 0.25})
    epoch = made.samples(0, 16)
    ours = [sample for sample in epoch if sample.images is made.images]
    theirs = [sample for sample in epoch if sample.images is not made.images]
    assert len(ours) == len(theirs) == 8
    assert {sample.weight for sample in ours} == {1.0}
    assert {sample.weight for sample in theirs} == {0.25}
    counts = [sum(s.index == i for s in theirs) for i in range(3)]
    assert sorted(counts) == [2, 3, 3]
    assert made.settings.total_steps(4) == stream(count=4, repeats=2).settings.total_steps(4) * 2


def shared(made: Stream, clips: int, count: int) -> list[tuple[str, str, float, int]]:
    """What the loop sees of the first so many clips: caption, noise, timestep too."""
    device = torch.device("cpu")
    found = []
    for sample in made.samples(0, count):
        if sample.images is made.images and sample.index < clips:
            batch = collate([sample], made.draws, 1000, Train(), device)
            noise, timestep = float(batch.noise[0, 0, 0, 0]), int(batch.timesteps[0])
            found.append((sample.clip_id, sample.caption, noise, timestep))
    return found


def test_a_set_with_clips_left_out_keeps_the_order_and_draws_of_the_rest() -> None:
    settings = {"captions": {"dropout": 0.3, "shuffle": "clauses"}}
    whole, part = stream(count=9, seed=2, **settings), stream(count=4, seed=2, **settings)
    assert shared(whole, 4, 5 * 9) == shared(part, 4, 5 * 4)
    assert len(set(shared(part, 4, 20))) == 20
    clips = [clip for clip, *_ in shared(part, 4, 20)]
    assert len({tuple(clips[i : i + 4]) for i in range(0, 20, 4)}) > 1


def test_regularization_leaves_order_and_draws_of_the_own_images_alone() -> None:
    mixed = stream(count=6, other=6, regularization={})
    assert shared(mixed, 6, 2 * 18) == shared(stream(count=6), 6, 18)
    sets = [sample.images is mixed.images for sample in mixed.samples(0, 12)]
    assert sets not in ([True, False] * 6, [False, True] * 6, sorted(sets), sorted(sets)[::-1])
    # The same clip in both sets has draws of its own in each.
    key = {sample.images is mixed.images: sample.key for sample in mixed.samples(0, 12)}
    assert key[True][0] != key[False][0]


def test_a_visit_has_the_same_draws_whether_epochs_or_repeats_bring_it() -> None:
    epochs, repeats = shared(stream(count=5), 5, 20), shared(stream(count=5, repeats=2), 5, 20)
    assert epochs != repeats and sorted(epochs) == sorted(repeats)


def test_a_run_that_goes_on_from_another_sees_new_draws() -> None:
    first, second = stream(count=6), Stream(Train(), Draws(0, chain=1), images(6))
    one, two = shared(first, 6, 12), shared(second, 6, 12)
    assert {clip for clip, *_ in one} == {clip for clip, *_ in two}
    assert not {noise for *_, noise, _ in one} & {noise for *_, noise, _ in two}
    assert [clip for clip, *_ in one] != [clip for clip, *_ in two]


def test_augmented_variants_are_taken_for_the_share_that_is_asked_for() -> None:
    made = stream(count=50, variants=4, augment_share=0.5)
    variants = [sample.variant for sample in made.samples(0, 1000)]
    assert 430 < sum(v > 0 for v in variants) < 570
    assert set(variants) == {0, 1, 2, 3}
    assert [s.index for s in made.samples(0, 50)] == [
        s.index for s in stream(count=50, variants=4).samples(0, 50)
    ]
    picked = collate(made.samples(0, 8), made.draws, 1000, Train(), torch.device("cpu"))
    for sample, latents in zip(made.samples(0, 8), picked.latents, strict=True):
        assert float(latents[0, 0, 0]) == sample.index * 4 + sample.variant
