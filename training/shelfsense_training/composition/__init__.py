"""Training queries composed from names the way shoppers write them."""
