"""Who is held out: decided by a hash of the artist, so that new tracks move none."""

import hashlib
from typing import Literal

Split = Literal["train", "heldout"]


def split_of(artist_id: str, track_id: str, heldout_share: float) -> Split:
    """Split of a track; one whose artist is unknown stands for itself."""
    group = f"artist {artist_id}" if artist_id else f"track {track_id}"
    digest = hashlib.sha256(group.encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    return "heldout" if place < heldout_share else "train"
