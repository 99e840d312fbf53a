"""GPUs by what they are called: how much memory a kind has at least."""

import re

GIGABYTES = {
    "p100": 12, "v100": 16, "t4": 16, "a2": 16, "a10": 24, "a16": 16, "a30": 24, "a40": 48,
    "a100": 40, "h100": 80, "h200": 141, "gh200": 96, "b200": 180, "l4": 24, "l40": 48, "l40s": 48,
    "a4000": 16, "a4500": 20, "a5000": 24, "a6000": 48, "rtx6000": 24, "rtx8000": 48,
    "rtx2080ti": 11, "rtx3080": 10, "rtx3090": 24, "rtx4080": 16, "rtx4090": 24, "rtx5090": 32,
    "gtx1080ti": 11, "titanv": 12, "titanrtx": 24, "mi210": 64, "mi250": 64, "mi300x": 192,
}  # fmt: skip
"""The smallest that NVIDIA and AMD sell under a name."""
SAID = re.compile(r"(\d+)(?:\.\d+)?\s*gb?(?![a-z])")
"""`a100_80gb`, and slices of a card: `1g.10gb`."""


def gigabytes(name: str) -> float | None:
    """By the size in its name, or by the name; none where neither says."""
    plain = name.lower()
    sizes = [int(size) for size in SAID.findall(plain) if int(size) >= 5]
    if sizes:
        return float(sizes[-1])
    words = re.sub(r"(nvidia|tesla|geforce|quadro)", "", plain)
    joined = re.sub(r"[^a-z0-9]", "", words)
    known = sorted(GIGABYTES, key=len, reverse=True)
    found = next((card for card in known if re.search(rf"{card}(?![0-9])", joined)), None)
    return None if found is None else float(GIGABYTES[found])
