"""Coverage-guided fuzzing of all that reads what others wrote: texts, requests, bundles, overrides, credentials.

A target is one function of bytes that lets nothing out but what callers are promised; `TARGETS` names them. Each
runs in a process of its own under atheris (libFuzzer, with the branches of our Python as its guide), from a corpus
that is kept, so that a later run goes on where an earlier one ended.
"""

TARGETS = ("text", "gates", "wire", "bundle", "overrides", "credentials")
"""Each is the module of that name with ``_target`` behind it."""
