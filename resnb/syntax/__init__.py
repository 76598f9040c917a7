"""What can be told from Python source: names bound and read, and a resource's two halves."""
