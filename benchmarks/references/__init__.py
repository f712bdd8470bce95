"""Other implementations that skblood is compared with, written to be fast."""
