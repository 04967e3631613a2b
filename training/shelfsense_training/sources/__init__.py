"""Where training text comes from: public data beside the project, and lexicons of the project's own writing."""
