"""What resnb and its peers leave behind when the same notebook ends."""
