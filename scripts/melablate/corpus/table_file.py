"""Caption tables, row by row with their line numbers: CSV, TSV and JSON lines.

What leaves in doubt where a row ends (encoding, quoting, number of fields) stops with one
error, since after it no row could be trusted. A broken line of JSON harms no other line, so it
is given back as a fault.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN = 60


@dataclass(frozen=True)
class Line:
    """A row with the number of the line where it ends; one that cannot be read has a fault."""

    number: int
    values: dict[str, Any]
    fault: str = ""


def stop(path: Path, line: int | None, what: str, mend: str) -> SystemExit:
    """One error that names the file, the line, and how to mend it."""
    place = f"{path}, line {line}" if line else f"{path}"
    return SystemExit(f"{place}: {what}. To mend: {mend}.")


def read_text(path: Path) -> str:
    """The text of a table in UTF-8, with or without a byte order mark."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise stop(path, None, "is no plain file", "put the caption table there")
        data = path.read_bytes()
    except FileNotFoundError:
        raise SystemExit(
            f"{path} does not exist. Put the caption table there, or correct the corpus' `path`."
        ) from None
    except OSError as error:
        raise stop(path, None, f"cannot be read ({error.strerror})", "fetch it again") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        mend = f"save it as UTF-8 (iconv -f utf-16 -t utf-8 {path.name})"
        raise stop(path, None, "cannot be read as UTF-8: it is in UTF-16", mend)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"cannot be read as UTF-8 (byte 0x{data[error.start]:02x})"
        mend = f"save it as UTF-8; if it is in Latin-1, iconv -f latin1 -t utf-8 {path.name}"
        raise stop(path, line, what, mend) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise stop(path, line, "holds a NUL byte", "remove it, or fetch the table again")
    return text


def read_csv(path: Path, needed: Iterable[str] = (), separator: str = "") -> list[Line]:
    """All rows of a table with a head line; columns are separated by commas, in .tsv by tabs."""
    separator = separator or ("\t" if path.suffix.lower() == ".tsv" else ",")
    text = io.StringIO(read_text(path), newline="")
    reader = csv.reader(text, delimiter=separator, strict=True)
    lines: list[Line] = []
    begins = 1
    try:
        head = _head(path, next(reader, []), needed, "tabs" if separator == "\t" else "commas")
        begins = reader.line_num + 1
        for fields in reader:
            if fields and len(fields) != len(head):
                what = f"the number of fields is {len(fields)}, in the first line {len(head)}"
                raise stop(path, reader.line_num, what, "quote captions that hold commas or lines")
            if fields:  # else an empty line
                # The number is that of the line where the row ends: captions may hold newlines.
                lines.append(Line(reader.line_num, dict(zip(head, fields, strict=True))))
            begins = reader.line_num + 1
    except csv.Error as error:
        what = f"cannot be read as a CSV table ({error}) in the row that begins here"
        raise stop(path, begins, what, "quote captions, and double the quotes in them") from None
    return lines


def _head(path: Path, head: list[str], needed: Iterable[str], separator: str) -> list[str]:
    head = [name.strip() for name in head]
    missing = [name for name in needed if name not in head]
    if missing:
        raise SystemExit(
            f"{path}: no column {', '.join(missing)} in its first line "
            f"({_short(', '.join(head)) or 'empty'}). "
            f"Needed are {', '.join(needed)}, separated by {separator}."
        )
    doubles = [name for name, count in Counter(head).items() if count > 1]
    if doubles:
        raise stop(path, 1, f"the column {doubles[0]} stands twice", "rename one of them")
    return head


def read_jsonl(path: Path) -> list[Line]:
    """One JSON object a line; empty lines do not count."""
    lines = []
    # Not splitlines(): it would also split at characters that may stand within a caption.
    for number, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            lines.append(Line(number, {}, f"not JSON: {_short(text.strip())}"))
            continue
        # Half a character outside the first plane: JSON can tell it, UTF-8 cannot.
        if "\\ud" in text.casefold() and not _is_unicode(values):
            lines.append(Line(number, {}, f"no Unicode text: {_short(text.strip())}"))
        elif isinstance(values, dict):
            lines.append(Line(number, values))
        else:
            lines.append(Line(number, {}, f"no JSON object: {_short(text.strip())}"))
    if lines and all(line.fault for line in lines):
        mend = 'write one JSON object a line, such as {"file_name": …, "caption": …}'
        raise stop(path, lines[0].number, f"no line is a JSON object ({lines[0].fault})", mend)
    return lines


def _is_unicode(values: Any) -> bool:
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
