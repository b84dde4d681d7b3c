"""Makers and licences are read from the material, in whatever form Debian writes them."""

from pathlib import Path

import pytest

from agent.train.corpus.attribution import attribute
from agent.train.errors import MaterialError
from tests.train.conftest import World

OLD_STYLE = """Upstream Author: Avatar Ltda. / July

Copyright:

   This package is free software; you can redistribute it and/or modify
   it under the terms of the GNU General Public License as published by
   the Free Software Foundation; version 2 dated June, 1991.
"""
OR_LATER = OLD_STYLE.replace("version 2 dated June, 1991", "version 2, or (at your option) any later version")
SHARE_ALIKE = """Copyright (C) 2009 Paul (Macroform) <paul@example.org>
These files are distributed under the Creative Commons Attribution-ShareAlike
3.0 license through explicit permission from their authors.
"""


@pytest.mark.parametrize(
    ("text", "by", "licence"),
    [
        (OLD_STYLE, "Avatar Ltda. / July", "GPL-2"),
        (OR_LATER, "Avatar Ltda. / July", "GPL-2+"),
        (SHARE_ALIKE, "Paul (Macroform)", "CC BY-SA 3.0"),
        (
            "Copyright: 2003-2010, Ada,\nLicense: CC-BY-3.0\nLicense: GPL-2+\n text\n",
            "Ada",
            "CC-BY-3.0, GPL-2+",
        ),
        ("nothing to see", "see source", "see source"),
        ("Upstream Author Carla\n\nPermission is hereby granted, free of charge, to", "Carla", "MIT"),
    ],
)
def test_a_copyright_file_is_understood(
    world: World, tmp_path: Path, text: str, by: str, licence: str
) -> None:
    doc = tmp_path / "usr/share/doc/some-sounds"
    doc.mkdir(parents=True)
    (doc / "copyright").write_text(text)
    package = attribute(None, [tmp_path], world.tones)[0]
    assert (package.what, package.by, package.licence) == ("some-sounds", by, licence)
    assert package.source.endswith("usr/share/doc/some-sounds/copyright")


def test_songs_of_one_artist_stand_together(world: World) -> None:
    songs = {material.by: material.what for material in attribute(world.audio, [], world.tones)}
    assert songs["Composer 0"] == "Song 0, Song 5"


def test_voices_without_a_word_on_their_licence_are_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Voices.\n")
    with pytest.raises(MaterialError, match=r"README\.md does not say"):
        attribute(tmp_path, [], world.tones)


def test_a_table_that_lacks_a_licence_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "ATTRIBUTION.csv").write_text("file,title,artist,licence,source\na.wav,A,Ada,,here\n")
    with pytest.raises(MaterialError, match="needs file, artist and licence in every line"):
        attribute(None, [tmp_path], world.tones)
