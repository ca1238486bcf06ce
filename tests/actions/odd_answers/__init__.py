"""Odd answers to each call of each action: what a decision rests on is refused, and feedback is one warning."""
