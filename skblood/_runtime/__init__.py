"""The machine that the code runs on: devices, threads, random number generators."""
