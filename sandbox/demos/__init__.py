"""What the demo targets show, step by step."""
