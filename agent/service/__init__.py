"""The running agent: the tick, its calls, journal, metrics and life cycle."""
