"""What X and y may be, and their conversion to arrays for the networks."""
