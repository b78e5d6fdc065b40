"""The run folder, and who carries a run out."""
