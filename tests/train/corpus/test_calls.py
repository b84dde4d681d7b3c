"""Whole calls are composed of one fold, and the truth about them is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agent.hearing.pcm import SAMPLE_RATE
from agent.hearing.sound import Sound
from agent.hearing.spectrogram import LOOKAHEAD
from agent.train.commands import app
from agent.train.corpus.call_folder import CALLS, KNOWN, CallRecord, read_calls
from agent.train.corpus.call_scripts import SCRIPTS
from agent.train.corpus.calls import ComposedCall, Stage, compose_call, schedule_calls, set_stage
from agent.train.corpus.material import Recordings, Source, find_material
from agent.train.corpus.plan import read_plan
from agent.train.corpus.synth import share_folds
from agent.train.errors import MaterialError
from agent.verdict.outcome import Outcome
from tests.train.conftest import World

PLAN = read_plan().model_copy(update={"folds": 2})
CALLS_MADE = 40


@pytest.fixture(scope="module")
def sources(world: World) -> list[Source]:
    return find_material(world.audio, [world.package], world.tones, PLAN.seed)


@pytest.fixture(scope="module")
def stage(sources: list[Source]) -> Stage:
    return set_stage(sources, PLAN)


@pytest.fixture(scope="module")
def calls(stage: Stage) -> list[ComposedCall]:
    return [compose_call(cue, stage, PLAN.seed) for cue in schedule_calls(stage, CALLS_MADE, PLAN.seed)]


def test_every_kind_comes_in_turn(calls: list[ComposedCall]) -> None:
    assert [call.cue.kind for call in calls][: len(SCRIPTS)] == list(SCRIPTS)


def test_what_there_is_no_material_for_is_left_out(stage: Stage) -> None:
    bare = replace(stage, library=(), fold_of={})
    kinds = [cue.kind for cue in schedule_calls(bare, 10, PLAN.seed)]
    assert set(kinds) == {
        "announcement", "silence, announcement", "announcement twice", "voicemail",
        "song", "silence, song", "song, announcement", "song with a voice in it", "silence",
    }  # fmt: skip


def test_what_is_played_last_decides(calls: list[ComposedCall]) -> None:
    last = {call.cue.kind: call.passages[-1].outcomes[0] for call in calls}
    assert last["ringing, announcement"] is Outcome.ANNOUNCEMENT
    assert last["ringing, voicemail"] is Outcome.ANNOUNCEMENT
    assert last["ringing, song"] is Outcome.MUSIC
    assert last["silence, ringing"] is Outcome.RINGING
    assert last["SIT, announcement"].value.startswith("sit")


def test_passages_lie_within_the_call_one_after_the_other(calls: list[ComposedCall]) -> None:
    for call in calls:
        starts = [passage.start for passage in call.passages]
        assert starts == sorted(starts)
        assert starts[0] >= 0
        assert all(passage.start < passage.known for passage in call.passages)
        assert call.passages[-1].known <= len(call.samples) / SAMPLE_RATE
        assert len(call.samples) >= LOOKAHEAD


def test_the_voices_of_the_library_say_nothing_else(stage: Stage) -> None:
    assert stage.library
    spoken = {entry.voice.group for entry in stage.library}
    assert spoken.isdisjoint(s.group for shelf in stage.shelves for ours in shelf.values() for s in ours)


def test_no_synthesiser_and_no_reader_of_single_words_is_in_the_library(sources: list[Source]) -> None:
    voices = [source for source in sources if source.sound is Sound.SPEECH]
    others = [
        replace(voice, group=f"{family}/{voice.group}")
        for family in ("synthesiser", "words")
        for voice in voices
        if isinstance(voice, Recordings)
    ]
    stage = set_stage([*sources, *others], PLAN)
    assert {entry.voice.group for entry in stage.library} <= {voice.group for voice in voices}


def test_a_known_announcement_is_a_passage_of_the_library(stage: Stage, calls: list[ComposedCall]) -> None:
    names = {entry.name: entry.fold for entry in stage.library}
    known = [call for call in calls if "known" in call.cue.kind]
    assert known
    for call in known:
        name = call.passages[-1].announcement
        assert name is not None
        assert names[name] == call.cue.fold


def test_tones_are_of_the_calls_fold_and_of_one_country(
    stage: Stage, sources: list[Source], calls: list[ComposedCall]
) -> None:
    assert set(stage.fold_of.values()) <= set(share_folds(sources, PLAN.folds).values())
    for call in calls:
        assert all(stage.fold_of[tone.pattern] == call.cue.fold for tone in call.cue.tones)
        countries = {tone.country for tone in call.cue.tones} - {""}
        assert len(countries) <= 1
        assert call.cue.country is None or countries == {call.cue.country}


def test_the_same_cue_composes_the_same_call(stage: Stage, calls: list[ComposedCall]) -> None:
    again = compose_call(calls[7].cue, stage, PLAN.seed)
    assert np.array_equal(again.samples, calls[7].samples)
    assert again.passages == calls[7].passages


def test_one_command_makes_a_folder_of_calls(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    words = ["calls", folder, "--audio", world.audio, "--prompts", world.package, "--tones", world.tones]
    result = CliRunner().invoke(app, [str(word) for word in [*words, "--calls", 12, "--jobs", 1]])
    assert result.exit_code == 0, result.output
    assert "12 calls" in result.output
    records = list(read_calls(folder))
    assert [record.file for record in records] == sorted(path.name for path in (folder / "audio").iterdir())
    assert len(records) == 12
    names = {path.stem for path in (folder / KNOWN).iterdir()}
    assert {p.announcement for r in records for p in r.passages} - {None} <= names


def test_a_missing_or_damaged_list_of_calls_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="compose the calls again with `earlymedia train calls`"):
        list(read_calls(tmp_path))
    (tmp_path / CALLS).write_text('{"file": "a.flac"}\n')
    with pytest.raises(MaterialError, match="is missing or damaged"):
        list(read_calls(tmp_path))


def test_no_table_of_tones_is_one_sentence(world: World, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["calls", str(tmp_path / "calls"), "--audio", str(world.audio)])
    assert result.exit_code == 2
    assert "give --tones" in result.output


def test_a_record_reads_back_as_it_was_written(calls: list[ComposedCall]) -> None:
    for call in calls:
        record = CallRecord.of(call)
        assert CallRecord.model_validate_json(record.model_dump_json()) == record
