"""What several pages share: components, page style, escaping, state."""
