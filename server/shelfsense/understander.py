"""From queries to answers, in plain Python: no protobuf, no gRPC, no threads.

Three steps, so that a batcher can put its queue between them: `prepare` (cheap, one query, raises
what is wrong with it), `infer` (the network, a batch), `answer` (cheap, one query).
"""
