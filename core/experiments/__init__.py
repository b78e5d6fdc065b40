"""Experiments: batches of ordinary runs that answer one question with one plot."""
