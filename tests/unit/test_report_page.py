"""The report: whole, escaped, without a network, the same bytes for the same study."""

import json
import random
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from melablate.files import LIST
from melablate.report.claims import read_texts
from melablate.report.page import write_report
from melablate.report.page_settings import Report
from melablate.report.settings import Table
from melablate.report.study_rows import StudyRows
from melablate.report.table import build_table, to_json
from PIL import Image
from report_study import ARMS, FIXED, HEIGHT, HOP, NASTY, PROMPTS, RATE, SECONDS, write_study

VOID = {"meta", "link", "img", "input", "br", "path", "circle"}
WAV = Report(audio_format="wav")


class Reader(HTMLParser):
    """Collects elements and text, and checks that what is opened is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]


def report(root: Path, look: Report = WAV) -> Path:
    out = root / "report"
    write_report(look, root / "table.json", root / "prompts.csv", root / "arms", out)
    return out


def read(out: Path) -> Reader:
    return Reader((out / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study")
    write_study(root)
    report(root)
    return root


def test_several_rows_at_a_time_make_the_same_folder(finished: Path, tmp_path: Path) -> None:
    tables, out = (
        (finished / name for name in ("table.json", "prompts.csv", "arms")),
        tmp_path / "r",
    )
    write_report(WAV, *tables, out, threads=4)
    alone = sorted(path for path in (finished / "report").rglob("*") if path.is_file())
    assert len(alone) == sum(path.is_file() for path in out.rglob("*")) > 3
    for path in alone:
        assert path.read_bytes() == (out / path.relative_to(finished / "report")).read_bytes()


def test_all_links_lead_somewhere_inside(finished: Path) -> None:
    out, page = finished / "report", read(finished / "report")
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    used = set()
    for link in page.values("src") + page.values("href"):
        if link.startswith("#"):
            assert link[1:] in ids
        elif link != "data:,":
            assert (out / link).is_file(), link
            used.add(link)
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert files == used | {"index.html", LIST}


def test_nothing_is_fetched(finished: Path) -> None:
    html = (finished / "report" / "index.html").read_text(encoding="utf-8")
    for sign in ("http://", "https://", "//", "@import", "url("):
        assert sign not in html.replace("  // ", ""), sign


def test_every_row_has_its_place_in_table_grid_and_section(finished: Path) -> None:
    page = read(finished / "report")
    for name in [row[0] for row in (*FIXED, *ARMS)]:
        assert page.values("href").count(f"#row-{name}") == 2
        assert page.values("id").count(f"row-{name}") == 1
    players = [attrs for tag, attrs in page.elements if tag == "audio"]
    seeded = len(ARMS) + 1
    assert len(players) == 6 * (3 * seeded + 3)
    assert all(player["preload"] == "none" for player in players)
    assert sum("hidden" in attrs for tag, attrs in page.elements if tag == "div") == 6 * 2 * seeded


def test_same_study_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        write_study(tmp_path / name, seeds=(0,))
        out = report(tmp_path / name, Report(prompts_shown=2))
        files = sorted(path for path in out.rglob("*") if path.is_file())
        contents.append([(path.relative_to(out), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]


def test_the_real_table_is_read(tmp_path: Path) -> None:
    """The made-up table has the form of the real one, so no other test rests on a wish."""
    write_study(tmp_path, seeds=(0, 1))
    draw = random.Random(0)
    for samples in (tmp_path / "arms").rglob("samples"):
        lines = ["metric,prompt_id,sample,value"]
        ids = [path.stem for path in sorted(samples.glob("*.png"))]
        lines += [f"text_audio_similarity,{i[:16]},0,{draw.random():.4f}" for i in ids]
        lines += [f"{name},,,{draw.random():.4f}" for name in ("frechet_distance", "diversity")]
        (samples.parent / "scores.csv").write_text("\n".join(lines) + "\n")
    claim = {"verdict": "improved", "metric": "diversity"}
    arms = [{"name": name, "label": label, "claim": claim} for name, label, *_ in ARMS]
    fixed = [name for name, *_ in FIXED]
    study = {"name": "x", "seeds": (0, 1), "baseline": "baseline", "arms": arms, "fixed": fixed}
    texts = read_texts(tmp_path / "prompts.csv")
    table = build_table(StudyRows.model_validate(study), Table(), tmp_path / "arms", texts)
    path = tmp_path / "table.json"
    made_up = json.loads(path.read_text())
    path.write_text(json.dumps(to_json(table)))
    real = json.loads(path.read_text())
    assert made_up.keys() == real.keys()
    for ours, theirs in zip(made_up["rows"], real["rows"], strict=True):
        assert ours.keys() == theirs.keys()
        cells = [row["metrics"]["text_audio_similarity"].keys() for row in (ours, theirs)]
        assert cells[0] == cells[1]
        for part in ("claim", "claimed", "training"):
            if ours[part] and theirs[part]:
                assert ours[part].keys() == theirs[part].keys()
    assert all(row["training"] for row in real["rows"] if row["kind"] != "fixed")
    assert all(row["claimed"] for row in real["rows"] if row["kind"] == "arm")
    page = read(report(tmp_path))
    assert "".join(page.text).count("neither better") == 1  # of diversity


def test_user_text_is_text(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=(0,), nasty=True)
    page = read(report(tmp_path, Report(audio_format="wav", prompts_shown=1, title=NASTY)))
    assert [tag for tag, _ in page.elements].count("script") == 1
    text = "".join(page.text)
    assert text.count(NASTY) >= 5  # title, heading, prompt, labels, claims
    assert NASTY in page.values("title")
    assert f"Training loss of {NASTY} by step" in page.values("aria-label")


def test_missing_samples_are_named(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=(3, 4))
    samples = tmp_path / "arms" / "huber" / "seed-4" / "samples"
    (samples / "index.csv").unlink()
    next((tmp_path / "arms" / "rank-up" / "seed-3" / "samples").glob("*.wav")).unlink()
    page = read(report(tmp_path, Report(audio_format="wav", prompts_shown=7)))
    text = [" ".join(words.split()) for words in page.text]
    assert text.count("no sample with seed 4") == 7
    assert text.count("no sample with seed 3") == 1
    assert text.count("a prompt of one's own: no real clip") == 3


def test_low_frequencies_are_at_the_bottom_and_padding_is_cut(finished: Path) -> None:
    path = next((finished / "report" / "images" / "baseline").glob("0-*.png"))
    with Image.open(path) as file:
        assert file.size == (int(SECONDS * RATE) // HOP + 1, HEIGHT)
        colour = np.asarray(file.convert("RGB")).sum(axis=2)
    assert colour[-8:].mean() > 4 * colour[:8].mean()


def test_grey_keeps_order_and_range(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=(0,))
    out = report(tmp_path, Report(audio_format="wav", colour_map="grey", prompts_shown=1))
    with Image.open(next((out / "images" / "baseline").iterdir())) as file:
        shown = np.asarray(file.convert("L")).astype(int)
    source = sorted((tmp_path / "arms" / "baseline" / "seed-0" / "samples").glob("*-0.png"))[0]
    with Image.open(source) as file:
        truth = np.asarray(file)[::-1, : shown.shape[1]].astype(int)
    assert np.abs(shown - truth).max() <= 4


@pytest.mark.parametrize("kind", ["mp3", "flac", "wav"])
def test_formats_sound_the_same(tmp_path: Path, kind: str) -> None:
    write_study(tmp_path, seeds=(0,))
    look = Report.model_validate({"audio_format": kind, "prompts_shown": 1})
    out = report(tmp_path, look)
    source = sorted((tmp_path / "arms" / "huber" / "seed-0" / "samples").glob("*.wav"))[0]
    truth, rate = soundfile.read(source)
    heard, same_rate = soundfile.read(next((out / "audio" / "huber").iterdir()))
    assert rate == same_rate and len(heard) >= len(truth)
    limit = 0.03 if kind == "mp3" else 0
    assert np.sqrt(np.mean((heard[: len(truth)] - truth) ** 2)) <= limit


def test_unusual_rate_says_how_to_mend(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=(0,))
    folder = tmp_path / "arms" / "baseline" / "seed-0" / "samples"
    for path in folder.glob("*.wav"):
        soundfile.write(path, np.zeros(100), 12345, "PCM_16")
    with pytest.raises(SystemExit, match=r"set report\.audio_format to flac or wav"):
        report(tmp_path, Report(audio_format="mp3"))
    assert not (tmp_path / "report").exists()


def test_changes_show_what_the_baseline_had(finished: Path) -> None:
    text = " ".join("".join(read(finished / "report").text).split())
    assert "train.rank 4 → 16" in text
    assert "train.loss.kind mse → huber" in text
    assert "0.1 → 0.1" not in text
    assert "train.loss.c 0.1" in text


def test_a_claim_is_told_by_the_figure_that_it_is_about(finished: Path) -> None:
    page = read(finished / "report")
    text = " ".join("".join(page.text).split())
    # Twice: in the table and at the row.
    for said in (
        "training time: against the claim",  # 'improved', but twice as slow
        "no metric measures it",
        "Fréchet distance: as claimed",
        "diversity: against the claim",
    ):
        assert text.count(said) == 2, said
    assert (
        "Of 5 claims: 1 as claimed, 2 against the claim, 1 not shown either way, 1 that no" in text
    )
    assert "claim is judged on the 5 prompts without vocal, choir" in text
    assert "the baseline with its named settings changed" in text
    assert "smaller than what this study would have seen in 80 % of cases" in text


def test_steps_and_times_stand_beside_every_trained_row(finished: Path) -> None:
    page = read(finished / "report")
    text = " ".join("".join(page.text).split())
    assert "480 steps, 1920 images" in page.values("title")
    assert "Batch size doubled 480 (1920)." in text
    ratio = np.exp(
        np.mean([np.log((2 * (31.4 + s) + 5 / 9) / (31.4 + s + 4 / 9)) for s in range(3)])
    )
    assert f"×{ratio:.2f}" in text and f"{ratio:.2f} of the baseline's time" in text


def test_a_study_without_logs_and_verdicts(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=(0,))
    for path in (tmp_path / "arms").rglob("train.*"):
        path.unlink()
    table = json.loads((tmp_path / "table.json").read_text())
    for row in table["rows"]:
        for cell in row["metrics"].values():
            judged = row["kind"] == "arm"
            cell["verdict"] = "one seed: no verdict" if judged else ""
            cell["p_holm"] = cell["smallest_effect"] = None
    (tmp_path / "table.json").write_text(json.dumps(table))
    page = read(report(tmp_path))
    assert "5 one seed: no verdict" in "".join(page.text)
    assert "curves" not in page.values("class")
    assert "fieldset" not in [tag for tag, _ in page.elements]
    assert len(PROMPTS) == 7
