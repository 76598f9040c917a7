"""What resnb costs; see README.md."""
