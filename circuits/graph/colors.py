"""The two colours of a circuit's pictures, from Okabe and Ito's palette: told apart by colour-blind readers too."""

POSITIVE = "#d55e00"
"""Of what excites: vermilion."""

NEGATIVE = "#0072b2"
"""Of what inhibits: blue."""
