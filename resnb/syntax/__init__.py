"""What can be said of Python text: the names that it binds and needs, and a resource in halves."""
