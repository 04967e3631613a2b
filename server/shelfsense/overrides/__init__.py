"""The shop's own hand: a file of rules that change what is answered, query by query."""
