"""Who made what a forest was trained on, and under which licence: read from the material itself."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.train.corpus.folder import Material
from agent.train.corpus.material import read_attribution
from agent.train.errors import MaterialError

_DEP5_LICENCE = re.compile(r"^ ?License: *([A-Z][\w.+-]*) *$", re.MULTILINE)
_HOLDER = re.compile(
    r"^ *(?:Copyright(?: holder)?(?: \(\d+\))?:|Copyright \(C\)|Upstream Author:?) +(\S.*?)\s*$",
    re.MULTILINE,
)
_PHRASES = {
    r"Attribution-ShareAlike\s+3\.0": "CC BY-SA 3.0",
    r"Redistributions must retain": "BSD-like",
    r"Permission is hereby granted, free of charge": "MIT",
    r"GNU General Public License[\s\S]*any later version": "GPL-2+",
    r"\A(?![\s\S]*any later version)[\s\S]*GNU General Public License": "GPL-2",
}


def attribute(audio: Path | None, prompts: Sequence[Path], tones: Path) -> tuple[Material, ...]:
    """List the material in the given folders with its makers and licences.

    Raises:
        MaterialError: a folder does not say under which licence it may be used.
    """
    materials = []
    if audio is not None:
        materials.extend(_from_csv(audio / "music" / "ATTRIBUTION.csv"))
        materials.append(_from_readme(audio))
    for folder in prompts:
        materials.extend(_from_csv(folder / "ATTRIBUTION.csv") or [_from_debian(folder)])
    return (
        *materials,
        Material(
            what=f"{tones.name}: tones sounded from the national table, standard ones, and invented ones",
            by="ITU-T E.180 Supplement 2 by way of spandsp's global-tones.xml; T.30, V.8, V.25, SR-2275",
            licence="facts; the sound is made here (MIT)",
        ),
        Material(what="noises and clicks", by="this project", licence="MIT"),
    )


def _from_csv(path: Path) -> list[Material]:
    """Gather the lines of one artist and licence."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for row in read_attribution(path):
        key = (row["artist"], row["licence"], row.get("source", ""))
        together.setdefault(key, []).append(row.get("title") or row["file"])
    return [
        Material(what=_shorten(titles), by=artist, licence=licence, source=source)
        for (artist, licence, source), titles in together.items()
    ]


def _shorten(names: list[str], comma: str = ", ") -> str:
    return comma.join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _from_readme(audio: Path) -> Material:
    """Take what README.md says of `speech/`."""
    path = audio / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    said = re.search(r"^- `speech/`: (.*)$", text, re.MULTILINE)
    if said is None:
        raise MaterialError(f"{path} does not say `- `speech/`: ...` with maker and licence: add that line")
    licence = re.search(r"CC0[\w .-]*|CC BY[\w .-]*\d", said[1])
    maker = re.search(r"by ([^,]*?)(?:\.$|,|$)", said[1])
    return Material(
        what=f"speech: {said[1]}",
        by=maker[1] if maker else "see README.md",
        licence=licence[0] if licence else "see README.md",
    )


def _from_debian(folder: Path) -> Material:
    """Take makers and licences from the copyright file of an unpacked Debian package."""
    found = sorted(folder.glob("usr/share/doc/*/copyright"))
    if not found:
        raise MaterialError(
            f"{folder} has neither usr/share/doc/*/copyright nor ATTRIBUTION.csv: unpack a Debian package "
            "with `dpkg -x`, or write one (file,title,artist,licence,source)"
        )
    text = found[0].read_text(encoding="utf-8", errors="replace")
    names = dict.fromkeys(_DEP5_LICENCE.findall(text)) or dict.fromkeys(
        name for phrase, name in _PHRASES.items() if re.search(phrase, text)
    )
    return Material(
        what=found[0].parent.name,
        by=_shorten(list(dict.fromkeys(_holders(text))), "; ") or "see source",
        licence=_shorten(list(names)) or "see source",
        source="Debian package, usr/share/doc/" + found[0].parent.name + "/copyright",
    )


def _holders(text: str) -> Iterator[str]:
    for holder in _HOLDER.findall(text):
        yield re.sub(r"\s*<[^>]*>|^[\d, -]+", "", holder).strip(" ,")
