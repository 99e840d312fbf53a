"""From arms to stages: what each stage is given, and the identity that keys its files.

An identity is the hash of a stage's own settings and the identities of the stages that it
reads (DESIGN §3). Arms whose upstream settings agree share the upstream files.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .audio.clip_settings import Clips
from .audio.codec_settings import CodecSettings
from .audio.heard_settings import Heard
from .config import FIXED_ROWS, WITHOUT_BASE, Recipe, Study
from .config_errors import ConfigError
from .config_files import read_sources
from .corpus.content import content_of
from .corpus.layout import TABLE
from .corpus.scan_told import scan_settings
from .corpus.settings import Folder, MiniMidi
from .fetch.promised import other_files
from .files import sha256
from .identity import canonical, checksum, checksums, fingerprint_of, identity
from .models.folder_files import in_base, in_model
from .models.settings import FolderBase, FolderClap, TinyBase
from .once import once
from .settings_json import settings_json
from .study import ResolvedArm, load_study, resolve_arms
from .study_checks import check
from .training.latents_settings import Latents

FINGERPRINTS = Path("results/.fingerprints.json")


@dataclass(frozen=True)
class Stage:
    """Settings as canonical JSON, the identity, and the identities of what is read."""

    settings: str
    identity: str
    reads: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Plan:
    """All stages of a study by identity, and the arms by name."""

    study: Study
    arms: dict[str, ResolvedArm]
    music: dict[str, Stage] = field(default_factory=dict)
    corpora: dict[str, Stage] = field(default_factory=dict)
    spectrograms: dict[str, Stage] = field(default_factory=dict)
    codecs: dict[str, CodecSettings] = field(default_factory=dict)
    """Of each folder of spectrograms."""
    autoencoders: dict[str, Stage] = field(default_factory=dict)
    bases: dict[str, Stage] = field(default_factory=dict)
    latents: dict[str, Stage] = field(default_factory=dict)
    embedders: dict[str, Stage] = field(default_factory=dict)
    data_folders: dict[str, str] = field(default_factory=dict)
    audio_folders: dict[str, str] = field(default_factory=dict)
    """What a manifest's paths are relative to."""
    corpus_lists: dict[str, dict[str, str]] = field(default_factory=dict)
    """Files of ids by the option that names them."""
    corpus_tables: dict[str, list[str]] = field(default_factory=dict)
    base_folders: dict[str, str] = field(default_factory=dict)
    given_bases: set[str] = field(default_factory=set)
    starts: dict[str, str] = field(default_factory=dict)
    """Files of weights that arms start from, by their content."""
    wrong: dict[str, str] = field(default_factory=dict)
    """What is to be said of fetched folders that hold other files than were promised."""
    known: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def common(self) -> Recipe:
        """The baseline's recipe, which may differ from the study's: what all rows share."""
        return self.arms[self.study.baseline].recipe

    @once
    def corpus(self, name: str) -> str:
        """Identity of a corpus: its rules, and how its music is composed or what it holds."""
        settings = self.study.corpora[name]
        if isinstance(settings, MiniMidi):
            reads = {"music": _add(self.music, settings_json(settings, without=["rules"]))}
            folder = f"results/music/{reads['music']}"
        else:
            folder = settings.path
            content = content_of(settings)
            reads = {"music": self._content(folder, content.counts, content.named)}
        lists = {"only": settings.rules.only, "without": settings.rules.without}
        given = {option: path for option, path in lists.items() if path is not None}
        reads |= {option: _content_of_file(Path(path)) for option, path in given.items()}
        key = _add(self.corpora, settings_json(scan_settings(settings)), **reads)
        self.data_folders[key], self.corpus_lists[key] = folder, given
        inside = isinstance(settings, Folder)
        self.audio_folders[key] = folder if inside else f"{folder}/audio"
        table = settings.table if isinstance(settings, Folder) else TABLE
        self.corpus_tables[key] = [table] if table else []
        return key

    def corpus_places(self) -> dict[str, dict[str, str]]:
        """What jobs are told of each corpus beside its settings, for it changes no result."""
        limits: dict[str, float] = {}
        for name, corpus in self.study.corpora.items():
            key, share = self.known.get(("corpus", name)), corpus.rules.max_set_aside
            if key:  # one corpus under two names: the narrower limit is meant to stop
                limits[key] = min(share, limits.get(key, share))
        return {
            key: {
                "DATA": self.data_folders[key],
                "AUDIO": self.audio_folders[key],
                "SET_ASIDE": f"{limit:g}",
                **{option.upper(): path for option, path in self.corpus_lists[key].items()},
            }
            for key, limit in limits.items()
        }

    def corpus_title(self, key: str) -> str:
        """What the study calls a corpus."""
        names = [name for name in self.study.corpora if self.known.get(("corpus", name)) == key]
        return f"{self.study.study}: {', '.join(names)}"

    @once
    def images(self, codec: CodecSettings, clips: Clips, corpus: str) -> str:
        """Identity of a corpus' spectrogram images; how they are inverted is no part of them."""
        settings = {
            "codec": settings_json(codec, without=["inversion"]),
            "clips": settings_json(clips),
        }
        key = _add(self.spectrograms, settings, corpus=self.corpus(corpus))
        self.codecs[key] = codec
        return key

    @once
    def base(self, name: str) -> str:
        """Identity of a base model; the embedded one learns from the study's own images."""
        settings = self.study.bases[name]
        if isinstance(settings, TinyBase):
            images = self.images(self.common.spectrogram, self.common.clips, settings.corpus)
            vae = _add(self.autoencoders, settings_json(settings.vae), images=images)
            key = _add(self.bases, settings_json(settings.unet), autoencoder=vae, images=images)
            self.base_folders[key] = f"results/models/{key}"
            return key
        return self._folder_base(settings)

    def _folder_base(self, settings: FolderBase) -> str:
        key = _add(self.bases, {"kind": "folder"}, content=self._content(settings.path, in_base))
        self.base_folders[key] = settings.path
        self.given_bases.add(key)
        return key

    def _content(
        self, path: str, counts: Callable[[Path], bool], named: Iterable[Path] = ()
    ) -> str:
        """What a folder holds; a folder that is not there yet is told by Snakemake, file by file.

        Until then it is known by its place: two bases to fetch are not one.
        """
        folder = Path(path)
        try:
            if not folder.is_dir():
                return f"absent {folder}"
            found = checksums(folder, FINGERPRINTS, counts, named)
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be read: {error}") from None
        if told := other_files(self.study.fetch, path, found):
            self.wrong[path] = told
        return fingerprint_of(found)

    def cached(self, recipe: Recipe, corpus: str) -> str:
        """Identity of the latents of a corpus for a recipe."""
        # Where an arm takes no cached latents, it may still read those of regularization images.
        images = self.images(recipe.spectrogram, recipe.clips, corpus)
        return self._latents(images, recipe.base, as_cached(recipe.latents))

    @once
    def _latents(self, images: str, base: str, latents: Latents) -> str:
        reads = {"images": images, "base": self.base(base)}
        return _add(self.latents, settings_json(latents), **reads)

    @once
    def embedder(self) -> str:
        """Identity of the text–audio model."""
        settings = self.study.embedder
        if isinstance(settings, FolderClap):
            content = self._content(settings.path, in_model)
            return _add(self.embedders, settings_json(settings), content=content)
        corpora = [self.corpus(name) for name in settings.corpora]
        told = settings_json(settings) | {"corpora": corpora}  # their names are of no account
        key = identity([told, self.embedder_clip()])
        reads = {f"corpus_{number}": corpus for number, corpus in enumerate(corpora)}
        self.embedders[key] = Stage(canonical(told), key, reads)
        return key

    def embedder_clip(self) -> str:
        """Which part of a track the text–audio model hears, at its own sample rate."""
        common = self.common
        heard = Heard(sample_rate=16000, seconds=common.spectrogram.seconds, clips=common.clips)
        return canonical(settings_json(heard))

    def reference_clips(self) -> str:
        """The real clips that samples are compared with: as samples are, in rate and level."""
        codec = self.common.spectrogram
        heard = Heard(
            sample_rate=codec.sample_rate,
            seconds=codec.seconds,
            clips=self.common.clips,
            loudness=codec.loudness,
            peak_db=codec.peak_db,
        )
        return canonical(settings_json(heard))

    @once
    def train(self, arm: str, seed: int) -> Stage:
        """What trains an arm with a seed."""
        settings, reads, others = self._training(arm)
        start = self.arms[arm].recipe.train.warm_start
        if start and start.arm:
            reads = reads | {"warm_start": self.train(start.arm, seed).identity}
        key = identity([settings, reads, seed, *others])
        return Stage(canonical(settings), key, reads)

    @once
    def _training(self, arm: str) -> tuple[dict[str, Any], dict[str, str], list[Any]]:
        """What all seeds of an arm share: its settings, what it reads, what else counts."""
        recipe = self.arms[arm].recipe
        reads = {"base": self.base(recipe.base)}
        if recipe.latents.cached:
            reads["latents"] = self.cached(recipe, recipe.corpus)
        else:
            reads["images"] = self.images(recipe.spectrogram, recipe.clips, recipe.corpus)
        if recipe.regularization:
            reads["regularization"] = self.cached(recipe, recipe.regularization)
        settings, start = settings_json(recipe.train), recipe.train.warm_start
        if start and start.path:
            reads["warm_start"] = self.start(start.path)
            settings["warm_start"]["path"] = Path(start.path).name
        # Where latents are not cached, they are made from the images while training.
        others = [] if recipe.latents.cached else [settings_json(recipe.latents)]
        return settings, reads, others

    @once
    def start(self, path: str) -> str:
        """Content of a file of weights that arms start from."""
        file = Path(path)
        try:
            # Until it is there it is known by its place.
            content = checksum(file, FINGERPRINTS) if file.is_file() else f"absent {path}"
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from None
        found = identity(content)
        self.starts[found] = path
        return found

    def upstream(self, stage: Stage) -> dict[str, Any]:
        """Every shared stage behind one, by identity: its settings and what it reads in turn."""
        return self._behind(tuple(stage.reads.values()))

    @once
    def _behind(self, keys: tuple[str, ...]) -> dict[str, Any]:
        shared = {"music": self.music, "corpus": self.corpora, "spectrograms": self.spectrograms,
                  "autoencoder": self.autoencoders, "base": self.bases,
                  "latents": self.latents}  # fmt: skip
        found: dict[str, Any] = {}
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            for name, stages in shared.items():
                if key in stages and key not in found:
                    reads, told = dict(stages[key].reads), json.loads(stages[key].settings)
                    found[key] = {"stage": name, "settings": told, "reads": reads}
                    waiting += reads.values()
        return found

    @once
    def prompts(self) -> Stage:
        """What every arm is asked for."""
        common = self.common
        reads = {"images": self.images(common.spectrogram, common.clips, common.corpus)}
        settings = settings_json(self.study.prompts)
        return Stage(canonical(settings), identity([settings, reads]), reads)

    @once
    def samples(self, row: str, seed: int) -> Stage:
        """What generates the audio of an arm or of a fixed row."""
        settings, reads = self._sampling(row)
        if row not in FIXED_ROWS:
            reads = reads | {"train": self.train(row, seed).identity}
        return Stage(canonical(settings), identity([settings, reads, seed]), reads)

    @once
    def _sampling(self, row: str) -> tuple[dict[str, Any], dict[str, str]]:
        """What all seeds of a row share: its settings, and what it reads."""
        recipe = self.recipe(row)
        reads = {"prompts": self.prompts().identity}
        if row not in WITHOUT_BASE:
            reads["base"] = self.base(recipe.base)
        inversion = ["inversion"] if row == "real-audio" else []
        codec = settings_json(recipe.spectrogram, without=inversion)
        settings: dict[str, Any] = {"spectrogram": codec, "row": "arm"}
        if row in FIXED_ROWS:
            settings["row"] = row
        else:
            # What its weights predict, on which noise: an arm is sampled as it was trained.
            train = recipe.train
            if train.prediction_type is not None:
                settings["prediction_type"] = train.prediction_type
            if train.zero_terminal_snr:
                settings["zero_terminal_snr"] = True
        if row in FIXED_ROWS[1:]:
            settings["clips"] = settings_json(recipe.clips)
        else:
            settings["sample"] = settings_json(recipe.sample)
            settings["clip_skip"] = recipe.train.clip_skip
            settings["precision"] = recipe.train.precision
            settings["per_prompt"] = self.study.prompts.per_prompt
        return settings, reads

    @once
    def scores(self) -> Stage:
        """How samples are measured."""
        settings = settings_json(self.study.scores)
        reads = {"embedder": self.embedder(), "corpus": self.corpus(self.common.corpus)}
        return Stage(canonical(settings), identity([settings, reads]), reads)

    def rows(self) -> list[tuple[str, int]]:
        """Every (row, seed) that is sampled and scored; what needs no seed has 0."""
        seeds = self.study.seeds
        rows = [(name, seed) for name in (*self.arms, FIXED_ROWS[0]) for seed in seeds]
        return rows + [(name, 0) for name in FIXED_ROWS[1:]]

    def recipe(self, row: str) -> Recipe:
        """An arm's recipe; fixed rows have the baseline's."""
        return self.common if row in FIXED_ROWS else self.arms[row].recipe

    def table(self) -> str:
        """What the table must know of the study, as canonical JSON."""
        arms = [
            {
                "name": arm.name,
                "label": arm.label,
                "claim": settings_json(arm.claim),
                "changes": arm.changes,
            }
            for arm in self.arms.values()
        ]
        study = self.study
        return canonical(
            {
                "name": study.study,
                "seeds": study.seeds,
                "baseline": study.baseline,
                "arms": arms,
                "fixed": FIXED_ROWS,
            }
        )


def make_plan(
    config: Mapping[str, Any], files: Iterable[str | Path] = (), only: Collection[str] | None = None
) -> Plan:
    """Check the config, merged from `files`, and lay out every stage that its arms need.

    A job of a cluster makes the plan again: of the rows that it works on, for of a thousand arms it
    would open a thousand files.
    """
    sources = read_sources(config, files)
    study = load_study(sources)
    arms = resolve_arms(study, sources, only)
    check(study, arms, sources)
    plan = Plan(study, arms)
    plan.embedder()
    for row, seed in plan.rows():
        plan.samples(row, seed)
    return plan


def _content_of_file(path: Path) -> str:
    """What a small file holds; the job tells of one that is not there."""
    try:
        return sha256(path)[:12] if path.is_file() else "absent"
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def as_cached(latents: Latents) -> Latents:
    """What the latents stage is told, whether or not the arm itself trains on its files."""
    return latents.model_copy(update={"cached": True})


def _add(stages: dict[str, Stage], settings: Any, **reads: str) -> str:
    key = identity([settings, reads])
    stages[key] = Stage(canonical(settings), key, reads)
    return key
