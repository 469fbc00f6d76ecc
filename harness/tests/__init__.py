"""Tests of the instrument: ``<room>/test_<module>.py`` tests ``harness/<room>/<module>.py``."""
