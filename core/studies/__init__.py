"""What is found out about a model after its training: for pages and commands alike, kept in its run."""
