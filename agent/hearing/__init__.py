"""Audio in, judged seconds out: arrays and bytes only, no I/O, no clock."""
