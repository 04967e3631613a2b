"""A new store's locale, from its queries to a bundle that serves it and a report that says how well."""
