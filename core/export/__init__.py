"""What is taken away from a run: model formats, the script, the report."""
