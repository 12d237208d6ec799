"""Tests of the stand-in itself: it must be as strict as the workspace that it stands in for."""
