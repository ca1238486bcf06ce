"""What runs on a pull request, and built-in commands about it.

Imported only where a comment names such a command, where help lists them, or for a command with a lock.
"""
