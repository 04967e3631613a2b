"""The gRPC service: the only place that knows protobuf, sockets, threads and the environment."""
