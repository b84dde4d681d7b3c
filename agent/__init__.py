"""earlymedia: hears the early media of outbound calls and says what really happened."""

__version__ = "0.1.0"
