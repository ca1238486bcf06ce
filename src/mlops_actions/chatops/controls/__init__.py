"""Built-in commands about what runs on a pull request. Imported only where a comment names one, or help lists them."""
