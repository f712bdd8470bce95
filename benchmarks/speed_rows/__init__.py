"""The rows of the speed table, a room for each thing that users wait for.

A row's function takes `n_pairs`, the least number of timings, and returns its figures.
"""
