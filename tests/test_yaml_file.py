"""Any YAML file becomes a model, or one sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from agent.yaml_file import ConfigError, parse_model, read_text


class Lamp(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str
    watts: int = 5


def test_a_file_becomes_a_model(tmp_path: Path) -> None:
    (tmp_path / "lamp.yaml").write_text("colour: grün\nwatts: 7\n", encoding="utf-8")
    lamp = parse_model(Lamp, read_text(tmp_path / "lamp.yaml"), "lamp.yaml")
    assert lamp == Lamp(colour="grün", watts=7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red\ncolour: blue", "lamp.yaml, line 2: 'colour' is given twice: mend the YAML there."),
        (
            "colour: [",
            "lamp.yaml, line 1: expected the node content, but found '<stream end>': mend the YAML there.",
        ),
        ("watts: 3", "lamp.yaml: colour: this key is missing, add it."),
        ("watts: many", "lamp.yaml: colour: this key is missing, add it (1 more of the kind)."),
        ("colour: 7", "lamp.yaml: colour: it should be text, put it in quotes."),
        ("{colour: red, size: 3}", "lamp.yaml: size: there is no such key, take it out or mend its name."),
        (
            '{colour: red, "si\\nze": 3}',
            "lamp.yaml: si?ze: there is no such key, take it out or mend its name.",
        ),
        ("colour: !!timestamp red", "lamp.yaml: a value does not fit its tag (!!...): take the tag out."),
        ("colour: !!int ''", "lamp.yaml: a value does not fit its tag (!!...): take the tag out."),
        ("red", "lamp.yaml holds no settings: write them as 'key: value' lines, see config.yaml."),
    ],
)
def test_a_mistake_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_model(Lamp, text, "lamp.yaml")
    assert str(caught.value) == said


def test_a_merged_mapping_may_give_a_key_again() -> None:
    text = "base: &base {watts: 3}\nlamp: {<<: *base, watts: 4, colour: red}"

    class House(BaseModel):
        base: dict[str, int]
        lamp: Lamp

    assert parse_model(House, text, "house.yaml").lamp.watts == 4


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        parse_model(Lamp, f"colour: !!python/object/apply:os.mkdir ['{trace}']", "lamp.yaml")
    assert not trace.exists()


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^lamp\.yaml"):
        parse_model(Lamp, 5000 * "[", "lamp.yaml")


@given(st.text(max_size=100))
def test_any_text_is_a_model_or_one_line(text: str) -> None:
    try:
        said = ""
        parse_model(Lamp, text, "lamp.yaml")
    except ConfigError as error:
        said = str(error)
    assert "\n" not in said
