"""Whether an image of this very input exists already: the fingerprint of the input, and the image it leads to."""
