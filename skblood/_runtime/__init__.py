"""The machine that the code runs on: devices, threads and random generators."""
