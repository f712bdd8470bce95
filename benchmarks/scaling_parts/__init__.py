"""The parts of scaling.json: each module has a function `measure(short=False)`."""
