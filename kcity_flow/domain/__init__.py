"""The rules of the programme in plain Python: no input or output, no clock, no Temporal, no randomness."""
