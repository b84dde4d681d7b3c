"""Recordings: the same hearing and the same verdict as on a live call, over files."""
