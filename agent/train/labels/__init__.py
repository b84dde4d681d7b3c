"""From recordings and teachers to a label for every second."""
