"""Every recording says how it was made."""

import csv
from pathlib import Path

from agent.train.corpus.channel import Channel, Echo, Loss
from agent.train.corpus.codecs import Codec, Coding
from agent.train.corpus.conditions import Conditions, write_conditions
from agent.train.corpus.noise import Noise
from agent.train.corpus.plan import Concealment, Scene

PLAIN = Channel(gain_db=-12.345, noise=Noise.HUM, noise_db=-60.0, codecs=(Coding(Codec.ULAW),))
ROUGH = Channel(
    gain_db=0.0,
    noise=Noise.WHITE,
    noise_db=-40.0,
    codecs=(Coding(Codec.GSM), Coding(Codec.AMR, 4750), Coding(Codec.ALAW)),
    band_hz=(300.0, 3400.0),
    loss=Loss(0.05, 0.5, Concealment.REPEAT),
    clip_db=6.0,
    offset=0.01,
    echo=Echo(20.0, -15.0),
)


def test_conditions_are_written_one_row_a_file(tmp_path: Path) -> None:
    path = tmp_path / "recordings.csv"
    write_conditions(
        path,
        [
            Conditions("000000.flac", 3, Scene.SPEECH, PLAIN),
            Conditions("000001.flac", 0, Scene.VOICE_OVER_MUSIC, ROUGH, voice_db=4.0),
            Conditions("own1/call.flac"),
        ],
    )
    with path.open(newline="") as file:
        plain, rough, own = csv.DictReader(file)
    assert (plain["codec"], plain["gain_db"], plain["noise"]) == ("ulaw", "-12.35", "hum")
    assert (plain["loss"], plain["concealment"], plain["echo_ms"]) == ("0", "", "")
    assert (rough["codec"], rough["codecs"]) == ("amr", "gsm+amr:4750+alaw")
    assert (rough["loss"], rough["concealment"], rough["clip_db"]) == ("0.05", "repeat", "6")
    assert (rough["band_low_hz"], rough["band_high_hz"], rough["echo_db"]) == ("300", "3400", "-15")
    assert (rough["scene"], rough["voice_db"], rough["fold"]) == ("voice_over_music", "4", "0")
    assert (own["scene"], own["codec"], own["fold"]) == ("own", "", "")
