"""What the scan is told of a corpus, whatever its kind.

Apart from the settings, so that another kind of corpus changes no code of the scan.
"""

from .settings import Folder, MiniMidi, Rules, Scan, SongDescriber


def scan_settings(corpus: MiniMidi | SongDescriber | Folder) -> Scan:
    """What the scan is told of a corpus."""
    apart = ("only", "without", "max_set_aside")  # lists are read apart; a limit changes no result
    usual = {name: Rules.model_fields[name].default for name in apart}
    rules = corpus.rules.model_copy(update=usual)
    if isinstance(corpus, Folder):
        return Scan(layout="folder", table=corpus.table, columns=corpus.columns, rules=rules)
    return Scan(layout="song_describer", rules=rules)
