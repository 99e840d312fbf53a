"""Who is held out: decided by a hash of the artist, so that new tracks move none.

Artists who share a sound (the same audio under two names, a piece by both) form one group,
which goes one way. A group is held out if any of its artists would be: when a new track joins
two groups, artists may leave training for the held-out side, but never the other way.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

Split = Literal["train", "heldout"]


def split_of(artist_id: str, track_id: str, heldout_share: float) -> Split:
    """Split of a track; one whose artist is unknown stands for itself."""
    return "heldout" if _place(_names((artist_id,), track_id)[0]) < heldout_share else "train"


def split_groups(
    artists: Mapping[str, Sequence[str]], links: Iterable[tuple[str, str]], heldout_share: float
) -> dict[str, Split]:
    """Split of each track, given the artists of each and pairs of tracks that share a sound."""
    above: dict[str, str] = {}
    for track_id, of_track in artists.items():
        first, *others = _names(of_track, track_id)
        for other in (first, *others):
            _join(above, first, other)
    for one, other in links:
        _join(above, _names(artists[one], one)[0], _names(artists[other], other)[0])
    lowest: dict[str, float] = {}
    for name in list(above):
        root = _root(above, name)
        lowest[root] = min(lowest.get(root, 1.0), _place(name))
    return {
        track_id: "heldout"
        if lowest[_root(above, _names(of_track, track_id)[0])] < heldout_share
        else "train"
        for track_id, of_track in artists.items()
    }


def _names(artists: Sequence[str], track_id: str) -> list[str]:
    return [f"artist {artist}" for artist in artists if artist] or [f"track {track_id}"]


def _place(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def _join(above: dict[str, str], one: str, other: str) -> None:
    for name in (one, other):
        above.setdefault(name, name)
    above[_root(above, other)] = _root(above, one)


def _root(above: dict[str, str], name: str) -> str:
    while above[name] != name:
        above[name] = above[above[name]]
        name = above[name]
    return name
