"""What tasks print: kept with each task, and written to the cell in graph order."""
