"""The wall to the outside world: the only package that imports an SDK or opens a socket."""
