"""Kept calls become a corpus; a second harvest adds to it."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.hearing.sound import Encoding
from agent.pbx.port import TapKind
from agent.service.kept import KeptCall
from agent.service.shelf import Limits, Shelf
from agent.train.corpus import harvest as module
from agent.train.corpus.folder import read_origin
from agent.train.corpus.harvest import Gathered, Grouping, Recording, harvest, kept_calls, read_recordings
from agent.train.errors import MaterialError
from agent.train.evaluation.evaluate_slices import read_conditions
from agent.verdict.agreement import Agreement
from agent.verdict.outcome import Outcome

RINGING, SPEECH = (0.9, 0.05, 0.03, 0.02), (0.1, 0.6, 0.2, 0.1)


def keep(
    folder: Path,
    name: str,
    *,
    trunk: str = "PJSIP/north",
    number: str = "ab",
    encoding: Encoding = Encoding.SLIN8,
    samples: NDArray[np.int16] | None = None,
) -> None:
    """Let a shelf keep a call of two seconds."""
    shelf = Shelf(Limits(folder, 10**9, 1e9))
    shelf.begin(name, encoding)
    noise = np.random.default_rng(len(name)).normal(0, 3000, encoding.bytes_per_second).astype("<i2")
    shelf.write(name, (noise if samples is None else samples).tobytes())
    call = KeptCall(
        started=datetime(2026, 1, 2, tzinfo=UTC),
        trunk=trunk,
        number=number * 32 if number else "",
        tap=TapKind.EAGI,
        outcome=Outcome.UNKNOWN,
        confidence=0.0,
        carrier_sip_code=None,
        carrier_q850=0,
        agreement=Agreement.NONE,
        seconds="rs",
        p=(RINGING, SPEECH),
    )
    assert shelf.finish(name, call)


def gather(folder: Path, out: Path, grouping: Grouping = Grouping.NUMBER) -> Gathered:
    return harvest(kept_calls(folder), out, grouping)


def files(corpus: Path) -> list[str]:
    return sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*") if path.is_file())


def test_what_was_kept_is_in_the_corpus_bit_by_bit(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-32768, 32767, 16_000).astype("<i2")
    keep(tmp_path / "kept", "one", samples=samples)
    brought = gather(tmp_path / "kept", tmp_path / "corpus")
    assert files(tmp_path / "corpus") == [
        "audio/PJSIP-north-abababababab/one.flac",
        "corpus.json",
        "heard.csv",
        "recordings.csv",
    ]
    heard, rate = soundfile.read(tmp_path / "corpus/audio/PJSIP-north-abababababab/one.flac", dtype="int16")
    assert rate == 8000
    assert np.array_equal(heard, samples)
    assert (len(brought.fresh), brought.known, brought.faults) == (1, 0, ())


@pytest.mark.parametrize("encoding", Encoding)
def test_whatever_came_is_8_khz(tmp_path: Path, encoding: Encoding) -> None:
    keep(tmp_path / "kept", "one", encoding=encoding)
    gather(tmp_path / "kept", tmp_path / "corpus")
    (recording,) = tmp_path.glob("corpus/audio/*/*.flac")
    about = soundfile.info(recording)
    assert about.frames == pytest.approx(2 * 8000, abs=31)  # the decimator's last samples lack what follows
    assert (about.samplerate, about.subtype) == (8000, "PCM_16")


def test_what_the_agent_made_of_it_can_be_read_back_and_is_no_label(tmp_path: Path) -> None:
    keep(tmp_path / "kept", "one")
    brought = gather(tmp_path / "kept", tmp_path / "corpus")
    assert read_recordings(tmp_path / "corpus") == list(brought.fresh)
    (recording,) = brought.fresh
    assert recording.p == (RINGING, SPEECH)
    assert recording.conditions == {
        "trunk": "PJSIP/north",
        "tap": "eagi",
        "outcome": "unknown",
        "carrier_sip_code": "",
        "agreement": "none",
    }
    assert not (tmp_path / "corpus/labels.csv").exists()
    assert read_conditions(tmp_path / "corpus/recordings.csv").of.keys() == {recording.file}


def test_calls_to_one_number_stay_together_whatever_the_trunk(tmp_path: Path) -> None:
    keep(tmp_path / "kept", "1", number="ab")
    keep(tmp_path / "kept", "2", number="cd")
    keep(tmp_path / "kept", "3", number="ab", trunk="south")
    gather(tmp_path / "kept", tmp_path / "corpus")
    keep(tmp_path / "kept", "4", number="cd", trunk="south")
    gather(tmp_path / "kept", tmp_path / "corpus")
    assert _groups(read_recordings(tmp_path / "corpus")) == {
        "1": "PJSIP-north-abababababab",
        "2": "PJSIP-north-cdcdcdcdcdcd",
        "3": "PJSIP-north-abababababab",
        "4": "PJSIP-north-cdcdcdcdcdcd",
    }


def test_calls_without_a_number_stand_for_themselves(tmp_path: Path) -> None:
    for name in ("20260102T000000-000001-aaaabbbbccccdddd", "20260102T000000-000002-eeeeffff00001111"):
        keep(tmp_path / "kept", name, number="")
    brought = gather(tmp_path / "kept", tmp_path / "corpus")
    assert set(_groups(brought.fresh).values()) == {"PJSIP-north-bbbbccccdddd", "PJSIP-north-ffff00001111"}


def test_a_trunk_can_be_held_out_as_a_whole(tmp_path: Path) -> None:
    for name, trunk in (("1", "north"), ("2", "north"), ("3", "../so uth/..")):
        keep(tmp_path / "kept", name, trunk=trunk, number=name * 2)
    brought = gather(tmp_path / "kept", tmp_path / "corpus", Grouping.TRUNK)
    assert _groups(brought.fresh) == {"1": "north", "2": "north", "3": "so-uth"}


@given(trunk=st.text(), number=st.sampled_from(["", "ab"]), grouping=st.sampled_from(Grouping))
def test_any_trunk_names_one_folder_in_the_corpus(trunk: str, number: str, grouping: Grouping) -> None:
    call = KeptCall.model_construct(trunk=trunk, number=number * 32)
    name = module._group(call, Path("/x/20260102T000000-000001-aaaabbbbccccdddd.wav"), grouping)
    assert Path(name).parts == (name,)
    assert name.isascii()
    assert len(name) < 80
    assert not name.startswith(".")


def test_a_second_harvest_adds_what_is_new(tmp_path: Path) -> None:
    keep(tmp_path / "kept", "1")
    gather(tmp_path / "kept", tmp_path / "corpus")
    (tmp_path / "corpus/reviewed.csv").write_text("a person's work")
    before = (tmp_path / "corpus/audio/PJSIP-north-abababababab/1.flac").stat().st_mtime_ns
    keep(tmp_path / "kept", "2")
    brought = gather(tmp_path / "kept", tmp_path / "corpus")
    assert (len(brought.fresh), brought.known) == (1, 1)
    assert len(read_recordings(tmp_path / "corpus")) == 2
    (material,) = read_origin(tmp_path / "corpus").materials
    assert material.what == "early media of 2 calls over PJSIP/north"
    assert (tmp_path / "corpus/audio/PJSIP-north-abababababab/1.flac").stat().st_mtime_ns == before
    assert (tmp_path / "corpus/reviewed.csv").read_text() == "a person's work"
    assert not (tmp_path / "corpus.part").exists()


def test_what_the_agent_has_removed_stays_in_the_corpus(tmp_path: Path) -> None:
    keep(tmp_path / "kept", "1")
    gather(tmp_path / "kept", tmp_path / "corpus")
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    keep(tmp_path / "kept", "2")
    gather(tmp_path / "kept", tmp_path / "corpus")
    assert [Path(recording.file).stem for recording in read_recordings(tmp_path / "corpus")] == ["1", "2"]


def test_a_broken_recording_is_told_and_left_out(tmp_path: Path) -> None:
    for name in ("1", "2", "3", "4"):
        keep(tmp_path / "kept", name)
    (tmp_path / "kept/2.wav").write_bytes(b"RIFF")
    (tmp_path / "kept/3.json").write_text("{}")
    (tmp_path / "kept/4.wav").unlink()
    brought = gather(tmp_path / "kept", tmp_path / "corpus")
    assert [Path(recording.file).stem for recording in brought.fresh] == ["1"]
    assert [fault.split(":")[0].rpartition("/")[2] for fault in brought.faults] == [
        "2.wav",
        "3.json",
        "4.wav",
    ]


def test_if_nothing_can_be_read_there_is_no_corpus(tmp_path: Path) -> None:
    keep(tmp_path / "kept", "1")
    (tmp_path / "kept/1.wav").write_bytes(b"")
    with pytest.raises(MaterialError, match="no kept call can be read"):
        gather(tmp_path / "kept", tmp_path / "corpus")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_an_interrupted_harvest_leaves_the_corpus_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "kept", "1")
    gather(tmp_path / "kept", tmp_path / "corpus")
    before = files(tmp_path / "corpus")
    keep(tmp_path / "kept", "2")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write_tables", full)
    with pytest.raises(MaterialError, match="No space left on device"):
        gather(tmp_path / "kept", tmp_path / "corpus")
    assert files(tmp_path / "corpus") == before
    assert not (tmp_path / "corpus.part").exists()


def test_what_is_no_harvest_is_told(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="is no folder"):
        kept_calls(tmp_path / "nowhere")
    with pytest.raises(MaterialError, match="set keep_audio"):
        kept_calls(tmp_path)


def test_another_folder_is_not_written_into(tmp_path: Path) -> None:
    keep(tmp_path / "kept", "1")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(MaterialError, match="is no harvested corpus"):
        gather(tmp_path / "kept", tmp_path / "mine")
    assert files(tmp_path / "mine") == ["letter.txt"]


def _groups(recordings: list[Recording] | tuple[Recording, ...]) -> dict[str, str]:
    return {Path(recording.file).stem: Path(recording.file).parts[0] for recording in recordings}
