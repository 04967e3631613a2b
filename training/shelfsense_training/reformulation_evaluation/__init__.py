"""How good a bundle's reformulations are: figures by its own served engine, one file per part."""
