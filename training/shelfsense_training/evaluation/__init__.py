"""How good a bundle is: figures with intervals, the fastText baseline beside them, and what int8 cost."""
