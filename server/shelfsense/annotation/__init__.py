"""Annotating files: every row of a table of queries, with what its query means."""

from shelfsense.annotation.annotator import Annotator
from shelfsense.annotation.job import Summary, annotate_file
from shelfsense.annotation.row import Annotation, InputColumns, Row

__all__ = ["Annotation", "Annotator", "InputColumns", "Row", "Summary", "annotate_file"]
