"""What can be fetched: data sets and models at pinned revisions.

Checksums stand here only where they are known for sure, each with where it was found. All other
files are pinned by a revision: its site lists their sizes and checksums, and the first fetch
records them in `fetch.lock.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".npy")
"""Formats that can run code when they are read."""


@dataclass(frozen=True)
class HuggingFace:
    """Files of a model repository at a commit."""

    repository: str
    revision: str
    files: tuple[str, ...]
    """Names or patterns (`tokenizer/*`); a name is needed, a pattern must find something. Pickles
    come only by their full names."""
    into: str = ""
    """Folder of the asset that they go into."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Ends of names that are shortened: `.fp16.safetensors` → `.safetensors`."""


@dataclass(frozen=True)
class Zenodo:
    """Files of a record; a record never changes."""

    record: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """A file of a GitHub release."""

    repository: str
    tag: str
    file: str


Source = HuggingFace | Zenodo | Release


@dataclass(frozen=True)
class Archive:
    """A zip file of an asset that is unpacked."""

    file: str
    into: str
    """The folder that appears, whole; a folder of this name at the archive's top is taken off."""


@dataclass(frozen=True)
class Asset:
    """A folder that a study may name."""

    name: str
    folder: str
    """Its place below the folder of all assets."""
    about: float
    """Roughly how many GB it takes."""
    licence: str
    sources: tuple[Source, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Bytes of files, where known for sure."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """`sha256:…` or `md5:…` of files, where known for sure."""
    archive: Archive | None = None
    pickle: bool = False
    """Its weights are published as pickles alone: stored and checked, never opened by us."""


def asset(name: str) -> Asset:
    """The asset of that name."""
    return ASSETS[name]


SD15 = HuggingFace(
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    (
        *("scheduler/scheduler_config.json", "tokenizer/*", "text_encoder/config.json"),
        *("text_encoder/model.safetensors", "unet/config.json", "vae/config.json"),
        *("unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"),
        "model_index.json",
    ),
)

# The half-precision files: the same release as the single file that Stability AI publishes, at
# half the size of the files in full precision. The VAE is another, which does not overflow in fp16.
SDXL = HuggingFace(
    "stabilityai/stable-diffusion-xl-base-1.0",
    "462165984030d82259a11f4367a4eed129e94a7b",
    (
        *("scheduler/scheduler_config.json", "tokenizer/*", "tokenizer_2/*"),
        *("text_encoder/config.json", "text_encoder/model.fp16.safetensors"),
        *("text_encoder_2/config.json", "text_encoder_2/model.fp16.safetensors"),
        *("unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors"),
        "model_index.json",
    ),
    renamed={".fp16.safetensors": ".safetensors"},
)
SDXL_VAE = HuggingFace(
    "madebyollin/sdxl-vae-fp16-fix",
    "207b116dae70ace3637169f1ddd2434b91b3a8cd",
    ("config.json", "diffusion_pytorch_model.safetensors"),
    into="vae",
)

CLAP_FILES = (
    *("preprocessor_config.json", "tokenizer*.json", "vocab.json", "merges.txt"),
    *("special_tokens_map.json", "model.safetensors", "config.json"),
)
ENCODEC_FILES = ("preprocessor_config.json", "model.safetensors", "config.json")


def _laion(*files: str) -> HuggingFace:
    """Checkpoints of the package laion_clap."""
    return HuggingFace("lukewys/laion_clap", "b3708341862f581175dba5c356a4ebf74a9b6651", files)


# The published laion/larger_clap_music is left out on purpose: its text tower gives nearly the
# same vector for every text (embeddings-benchmark/mteb#5069, zzstoatzz/plyr.fm#854), and it is
# published as a pickle alone. The commits of the two CLAPs are those at which Hugging Face's
# converter added safetensors; their main branches hold pickles alone.
ALL = (
    Asset(
        "song-describer",
        "data/song_describer",
        3.3,
        "captions CC BY-SA 4.0; audio: a licence each, in audio_licenses.txt",
        (Zenodo("10072001", ("audio.zip", "audio_licenses.txt", "song_describer.csv")),),
        # equal in two public copies of the file; its size with them
        sizes={"song_describer.csv": 186208},
        checksums={
            "song_describer.csv": "sha256:"
            "fb853b0327394cfdbdc205f712fdb64df70e6fcd3bae3a9d3f1617d54b45ad70"
        },
        archive=Archive("audio.zip", "audio"),
    ),
    Asset(
        "stable-diffusion-v1-5",
        "models/stable-diffusion-v1-5",
        4.3,
        "CreativeML Open RAIL-M",
        (SD15,),
        # The same in public copies of a listing of ModelScope's API, of a listing of a Hugging
        # Face cache at this commit (its blobs are named by SHA-256), and of manifests of models.
        sizes={
            "unet/diffusion_pytorch_model.safetensors": 3438167540,
            "vae/diffusion_pytorch_model.safetensors": 334643276,
            "text_encoder/model.safetensors": 492265874,
        },
        checksums={
            "unet/diffusion_pytorch_model.safetensors": "sha256:"
            "19da7aaa4b880e59d56843f1fcb4dd9b599c28a1d9d9af7c1143057c8ffae9f1",
            "vae/diffusion_pytorch_model.safetensors": "sha256:"
            "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
            "text_encoder/model.safetensors": "sha256:"
            "d008943c017f0092921106440254dbbe00b6a285f7883ec8ba160c3faad88334",
        },
    ),
    Asset(
        "stable-diffusion-xl-base-1.0",
        "models/stable-diffusion-xl-base-1.0",
        7.1,
        "CreativeML Open RAIL++-M; VAE: MIT",
        (SDXL_VAE, SDXL),
        # VAE: the same in a script that converts it for refiners and in several projects'
        # manifests at this commit, with its size. UNet: the same in many projects' manifests.
        sizes={
            "vae/diffusion_pytorch_model.safetensors": 334643238,
            "unet/diffusion_pytorch_model.safetensors": 5135149760,
        },
        checksums={
            "vae/diffusion_pytorch_model.safetensors": "sha256:"
            "1b909373b28f2137098b0fd9dbc6f97f8410854f31f84ddc9fa04b077b0ace2c",
            "unet/diffusion_pytorch_model.safetensors": "sha256:"
            "83e012a805b84c7ca28e5646747c90a243c65c8ba4f070e2d7ddc9d74661e139",
        },
    ),
    Asset(
        "clap-htsat-unfused",
        "models/clap-htsat-unfused",
        0.62,
        "Apache 2.0",
        (
            HuggingFace(
                "laion/clap-htsat-unfused",
                "79b58ed25fc00386262a2bea4b19fd21dc4310a0",
                CLAP_FILES,
            ),
        ),
    ),
    Asset(
        "larger-clap-general",
        "models/larger_clap_general",
        0.78,
        "Apache 2.0",
        (
            HuggingFace(
                "laion/larger_clap_general",
                "16c8cc3159a3c8a31e8ff5ef1f66b0d9ab3667db",
                CLAP_FILES,
            ),
        ),
    ),
    # LAION's own files, of which published FAD and CLAP figures were made. The package laion_clap
    # loads them, and by their names, also from folders below the working one, `roberta-base` with
    # its weights and the tokenizers of all three that follow.
    Asset(
        "clap-laion-music",
        "models/clap-laion-music",
        2.4,
        "CC0 1.0",
        (_laion("music_audioset_epoch_15_esc_90.14.pt"),),
        # The same in build files, manifests and reports of several projects at this commit.
        sizes={"music_audioset_epoch_15_esc_90.14.pt": 2352471003},
        checksums={
            "music_audioset_epoch_15_esc_90.14.pt": "sha256:"
            "fae3e9c087f2909c28a09dc31c8dfcdacbc42ba44c70e972b58c1bd1caf6dedd"
        },
        pickle=True,
    ),
    Asset(
        "clap-laion-audio",
        "models/clap-laion-audio",
        3.7,
        "CC0 1.0",
        (_laion("630k-audioset-best.pt", "630k-audioset-fusion-best.pt"),),
        # The same in reports and scripts of several projects; of the second none was found.
        sizes={"630k-audioset-best.pt": 1863587645},
        checksums={
            "630k-audioset-best.pt": "sha256:"
            "8053c9775516af2f4902e1e8281e356cc1bf7a85e8b761908170767b77c3f037"
        },
        pickle=True,
    ),
    Asset(
        "roberta-base",
        "models/roberta-base",
        0.5,
        "MIT",
        (
            HuggingFace(
                "FacebookAI/roberta-base",
                "e2da8e2f811d1448a5b465c236feacd80ffbac7b",
                ("tokenizer*.json", "vocab.json", "merges.txt", "config.json", "model.safetensors"),
            ),
        ),
        # The same in several projects' manifests at this commit, and as the name of a cache's blob.
        sizes={"model.safetensors": 498818054},
        checksums={
            "model.safetensors": "sha256:"
            "5bde1d28afb363d0103324efeb5afc8b2b397fe5e04beabb9b1ef355255ade81"
        },
    ),
    Asset(
        "bert-base-uncased-tokenizer",
        "models/bert-base-uncased",
        0.001,
        "Apache 2.0",
        (
            HuggingFace(
                "google-bert/bert-base-uncased",
                "86b5e0934494bd15c9632b12f734a8a67f723594",
                ("tokenizer*.json", "vocab.txt", "config.json"),
            ),
        ),
    ),
    Asset(
        "bart-base-tokenizer",
        "models/facebook/bart-base",
        0.003,
        "Apache 2.0",
        (
            HuggingFace(
                "facebook/bart-base",
                "aadd2ab0ae0c8268c7c9693540e9904811f36177",
                ("tokenizer.json", "vocab.json", "merges.txt", "config.json"),
            ),
        ),
    ),
    Asset(
        "encodec-24khz",
        "models/encodec_24khz",
        0.093,
        "MIT as its model card says; elsewhere CC BY-NC 4.0: check before you publish",
        (
            HuggingFace(
                "facebook/encodec_24khz",
                "c1dbe2ae3f1de713481a3b3e7c47f357092ee040",
                ENCODEC_FILES,
            ),
        ),
    ),
    Asset(
        "encodec-48khz",
        "models/encodec_48khz",
        0.076,
        "MIT as its model card says; elsewhere CC BY-NC 4.0: check before you publish",
        (
            HuggingFace(
                "facebook/encodec_48khz",
                "c3def8e7185ac8c8efdce6eb8c4a651e487a503e",
                ENCODEC_FILES,
            ),
        ),
    ),
    Asset(
        "vggish",
        "models/vggish",
        0.29,
        "Apache 2.0",
        # The second is of the post-processing that torchvggish does unless told otherwise.
        (
            Release("harritaylor/torchvggish", "v0.1", "vggish-10086976.pth"),
            Release("harritaylor/torchvggish", "v0.1", "vggish_pca_params-970ea276.pth"),
        ),
        # As a D3M primitive declares it; its first eight digits stand in the file's own name,
        # where torch.hub looks for them.
        checksums={
            "vggish-10086976.pth": "sha256:"
            "10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b"
        },
        pickle=True,
    ),
    Asset(
        "panns-cnn14",
        "models/panns_cnn14",
        0.33,
        "CC BY 4.0",
        (Zenodo("3987831", ("Cnn14_mAP=0.431.pth",)),),
        # Zenodo's own MD5 and size, as many projects quote them
        sizes={"Cnn14_mAP=0.431.pth": 327428481},
        checksums={"Cnn14_mAP=0.431.pth": "md5:541141fa2ee191a88f24a3219fff024e"},
        pickle=True,
    ),
)
ASSETS: Mapping[str, Asset] = {one.name: one for one in ALL}
