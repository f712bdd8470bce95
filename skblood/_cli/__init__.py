"""The command line: arguments, commands, their input and their output.

The modules import torch and the loaders inside functions, so that ``skblood --help``
and errors in the arguments appear at once.
"""
