"""From a specification of a network and of its training to a trained network."""
