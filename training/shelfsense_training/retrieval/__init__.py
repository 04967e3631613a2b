"""Reformulation, the training side: evidence of same meaning, the retriever, the re-ranker, and their figures."""
