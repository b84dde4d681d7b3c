"""The classes of AudioSet, in the order of the networks."""

from agent.train.teachers.audioset import audioset_classes, class_names, yamnet_classes


def test_there_are_527_classes_in_the_order_of_panns() -> None:
    classes = audioset_classes()
    assert len(classes) == 527
    names = class_names()
    assert [names[classes[index]] for index in (0, 137, 394, 500)] == [
        "Speech",
        "Music",
        "Busy signal",
        "Silence",
    ]


def test_yamnet_leaves_six_out_and_keeps_the_order() -> None:
    classes, names = yamnet_classes(), class_names()
    assert len(classes) == 521
    # Known places in YAMNet's own class map.
    assert [names[classes[index]] for index in (0, 132, 494, 520)] == [
        "Speech",
        "Music",
        "Silence",
        "Field recording",
    ]
