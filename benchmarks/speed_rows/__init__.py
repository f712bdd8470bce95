"""The rows of the speed table, one module for each kind of work that users wait for."""
