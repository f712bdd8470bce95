"""Sizes in a smear in micrometres, and at the scale at which cells are found."""

from math import pi

# Mean diameter of red cells on a dried smear.
RED_CELL_UM = 7.5
# Diameter of the largest nuclei. It varies more than that of red cells.
NUCLEUS_UM = 10
# Photographs are reduced to this scale before cells are looked for.
PIXELS_PER_UM = 4.0
# Diameter and area of a red cell at this scale, in pixels.
RED_CELL = RED_CELL_UM * PIXELS_PER_UM
RED_CELL_AREA = pi / 4 * RED_CELL**2
