"""The report of an evaluation as one self-contained HTML page: our own inline SVG, nothing fetched."""
