"""What a finished run says: figures with their intervals, and answers for new photos."""
