"""A simulated carrier and a private Asterisk: what the demo shows and the tests drive."""
