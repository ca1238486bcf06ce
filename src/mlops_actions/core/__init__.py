"""What every action shares: pure, on the standard library and PyYAML alone."""
