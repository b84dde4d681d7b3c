"""The table of the world's tones: read as it is written, mistakes named."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hearing.tone_table import Cadence, Chord, Step, ToneKind, parse_cadence, parse_table, world
from agent.yaml_file import ConfigError


def test_a_cadence_reads_as_it_is_written() -> None:
    assert parse_cadence("480+440/2 -/4") == Cadence((), (Step(Chord((440.0, 480.0)), 2.0), Step(None, 4.0)))
    assert parse_cadence("400*25").again == (Step(Chord((400.0,), 25.0), math.inf),)
    assert parse_cadence("425/0.1 -/0.1 | 425").once == (Step(Chord((425.0,)), 0.1), Step(None, 0.1))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("425/1 -/four", "'-/four' in '425/1 -/four' is no step"),
        ("425/1.2.3", "no plain numbers"),
        ("425/0", "lasts no time"),
        ("25/1 -/4", "outside of 280 to 2000 Hz"),
        ("-/1 -/4", "nothing but pauses"),
        ("425 -/4", "goes on after a step without end"),
        ("425/1 |", "has an empty side"),
        ("| 425/1", "has an empty side"),
        ("", "has an empty side"),
    ],
)
def test_a_mistake_is_named_with_its_cure(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("|", r"\|")):
        parse_cadence(text)


_SECONDS = st.integers(1, 9999).map(lambda thousandths: thousandths / 1000)
_CHORDS = st.builds(
    lambda hz, modulator: Chord(tuple(sorted(map(float, hz))), float(modulator)),
    st.sets(st.integers(280, 2000), min_size=1, max_size=3),
    st.integers(0, 50),
)
_STEPS = st.lists(st.builds(Step, st.none() | _CHORDS, _SECONDS), max_size=6).map(tuple)


@given(once=_STEPS, before=_STEPS, last=st.builds(Step, _CHORDS, _SECONDS | st.just(math.inf)))
def test_what_is_written_is_read_back(once: tuple[Step, ...], before: tuple[Step, ...], last: Step) -> None:
    cadence = Cadence(once, (*before, last))
    assert parse_cadence(str(cadence)) == cadence


@given(st.text(alphabet="0123456789./+*- |", max_size=30))
def test_any_text_is_a_cadence_or_a_sentence(text: str) -> None:
    try:
        read = parse_cadence(text)
    except ValueError as error:
        read = None
        said = str(error)
    assert read.again if read else said.isprintable()


def test_the_world_has_172_countries_and_every_kind() -> None:
    table = world()
    assert len(table.countries) == 172
    used = {code for tone in table.tones for codes in tone.countries.values() for code in codes}
    assert used == set(table.countries)
    german = {
        kind: str(t.cadence) for t in table.tones for kind, codes in t.countries.items() if "DE" in codes
    }
    assert set(german) >= {ToneKind.RINGING, ToneKind.BUSY, ToneKind.CONGESTION, ToneKind.DIAL_TONE}
    british = [str(t.cadence) for t in table.tones if "GB" in t.countries.get(ToneKind.RINGING, ())]
    assert "400+450/0.4 -/0.2 400+450/0.4 -/2" in british


def test_a_country_is_found_by_code_or_name() -> None:
    assert world().code_of("de") == world().code_of(" Germany") == "DE"
    with pytest.raises(ValueError, match="'Atlantis' is no country with known tones"):
        world().code_of("Atlantis")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("source: x\ncountries: {DE: Germany}\ntones: [{tone: 425, busy: DE}]", "should be text"),
        (
            "source: x\ncountries: {DE: Germany}\ntones: [{tone: 425/x, busy: DE}]",
            "'425/x' is no step|no step",
        ),
        ("source: x\ncountries: {DE: Germany}\ntones: [{tone: '425', busy: FR}]", "names 'FR'"),
        ("source: x\ncountries: {DE: Germany}\ntones: [{tone: '425', engaged: DE}]", "no such key"),
        ("countries: {DE: Germany}\ntones: []", "source: this key is missing"),
    ],
)
def test_a_table_with_a_mistake_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        parse_table(text, "mine.yaml")
    assert str(error.value).startswith("mine.yaml")
    assert "\n" not in str(error.value)
