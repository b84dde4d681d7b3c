"""Networks trained on AudioSet, behind one small interface: waveforms in, class probabilities out."""
