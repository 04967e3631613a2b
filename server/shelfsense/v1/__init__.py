"""Generated stubs of the contract; `make proto` writes them."""
