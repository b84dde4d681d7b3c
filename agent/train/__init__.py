"""Offline: corpus, fit, evaluation. Nothing the running agent imports."""
