"""The 527 classes of AudioSet, by id.

`audioset.csv` is the class list of the AudioSet release (Gemmeke et al., "Audio Set: an ontology and
human-labeled dataset for audio events", ICASSP 2017; CC BY 4.0), in the order in which the networks
of PANNs and EfficientAT give their probabilities.
"""

import csv
from functools import cache
from pathlib import Path

_LIST = Path(__file__).with_name("audioset.csv")
_NOT_IN_YAMNET = frozenset(
    {
        "/m/05zppz",  # Male speech, man speaking
        "/m/02zsn",  # Female speech, woman speaking
        "/t/dd00003",  # Male singing
        "/t/dd00004",  # Female singing
        "/m/04gy_2",  # Battle cry
        "/t/dd00032",  # Funny music
    }
)


@cache
def class_names() -> dict[str, str]:
    """Return the name of every class by its id (`/m/...`, `/t/...`, `/g/...`), in AudioSet's order."""
    with _LIST.open(newline="", encoding="utf-8") as file:
        return {row["mid"]: row["display_name"] for row in csv.DictReader(file)}


def audioset_classes() -> tuple[str, ...]:
    """Return the 527 ids in the order of PANNs and EfficientAT."""
    return tuple(class_names())


def yamnet_classes() -> tuple[str, ...]:
    """Return the 521 ids in the order of YAMNet, which leaves out six classes and keeps the order."""
    return tuple(mid for mid in class_names() if mid not in _NOT_IN_YAMNET)
