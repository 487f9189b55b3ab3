"""A load sent from several processes or machines."""
