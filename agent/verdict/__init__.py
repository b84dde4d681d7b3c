"""Judged seconds in, a verdict, a cause and a redial decision out: no I/O, no clock."""
