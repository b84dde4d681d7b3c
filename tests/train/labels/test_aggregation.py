"""527 classes, each decided on purpose."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from agent.hearing.sound import SOUNDS, Sound
from agent.train.labels import aggregation
from agent.train.labels.aggregation import (
    Aggregation,
    aggregation_named,
    default_aggregation,
    read_aggregation,
    thesis_aggregation,
)
from agent.train.teachers.audioset import class_names, yamnet_classes
from agent.yaml_file import ConfigError

SHIPPED = Path(aggregation.__file__).with_name("aggregation.yaml")
IDS = {name: mid for mid, name in class_names().items()}


def sound_of(table: Aggregation, name: str) -> Sound | None:
    return table.sounds.get(IDS[name])


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("Telephone bell ringing", Sound.RINGING),
        ("Ringtone", Sound.RINGING),
        ("Dial tone", Sound.RINGING),
        ("Busy signal", Sound.RINGING),
        ("Telephone dialing, DTMF", Sound.RINGING),
        ("Sine wave", Sound.RINGING),
        ("Beep, bleep", Sound.RINGING),
        ("Conversation", Sound.SPEECH),
        ("Speech synthesizer", Sound.SPEECH),
        ("Female singing", Sound.MUSIC),
        ("Grunge", Sound.MUSIC),
        ("Ambient music", Sound.MUSIC),
        ("Silence", Sound.SILENCE),
        ("White noise", Sound.SILENCE),
        ("Snoring", None),
        ("Sliding door", None),
        ("Run", None),
        ("Crunch", None),
        ("Skateboard", None),
        ("Applause", None),
    ],
)
def test_a_class_is_what_it_names(name: str, sound: Sound | None) -> None:
    assert sound_of(default_aggregation(), name) is sound


def test_every_class_stands_in_the_file_once_under_its_name() -> None:
    parts = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    lines = [(mid, name) for part in parts.values() for mid, name in part.items()]
    assert len(lines) == 527
    assert dict(lines) == class_names()


def test_the_thesis_maps_by_parts_of_names() -> None:
    thesis = thesis_aggregation()
    assert sound_of(thesis, "Busy signal") is None
    for sound, names in {
        Sound.RINGING: ("Snoring", "Sliding door", "White noise", "Telephone bell ringing", "Dial tone"),
        Sound.SILENCE: ("Run", "Crunch", "Grunge", "Ambient music", "Silence"),
        Sound.MUSIC: ("Skateboard", "Applause", "Pop music"),
        Sound.SPEECH: ("Speech", "Female speech, woman speaking"),
    }.items():
        assert {name: sound_of(thesis, name) for name in names} == dict.fromkeys(names, sound)


def test_members_tell_which_columns_of_a_teacher_are_which_sound() -> None:
    members = default_aggregation().members(yamnet_classes())
    assert members.shape == (521, 4)
    assert members.sum(axis=1).max() == 1
    assert members[494].tolist() == [sound is Sound.SILENCE for sound in SOUNDS]
    assert np.array_equal(members.sum(axis=0) > 0, [True] * 4)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = SHIPPED.read_text(encoding="utf-8")
    assert text.count(old) == 1
    (tmp_path / "mine.yaml").write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path / "mine.yaml"


SNORING = '  /m/01d3sd: "Snoring"\n'


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("", "1 classes are missing, such as /m/01d3sd 'Snoring': decide each, if for nothing"),
        ('  /m/01d3sd: "Snorring"\n', "its name is 'Snoring'"),
        ('  /m/xxxxx: "Snoring"\n', "there is no such class"),
        (SNORING + '  /m/09x0r: "Speech"\n', "/m/09x0r 'Speech' stands under two sounds"),
        (SNORING + SNORING, "'/m/01d3sd' is given twice"),
    ],
)
def test_a_table_with_a_hole_or_a_slip_is_refused(new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_aggregation(changed(tmp_path, SNORING, new))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_ones_own_goes_by_its_file(tmp_path: Path) -> None:
    path = changed(tmp_path, "nothing:\n", "nothing:\n")
    assert aggregation_named(str(path)) == Aggregation("mine", default_aggregation().sounds)
    assert aggregation_named("default") is default_aggregation()
    assert aggregation_named("thesis") is thesis_aggregation()
    with pytest.raises(ConfigError, match="cannot be read"):
        aggregation_named(str(tmp_path / "none.yaml"))
