"""What skblood's speed is compared with, as fast as we could write it."""
