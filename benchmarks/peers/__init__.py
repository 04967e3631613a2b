"""Other people's servers and libraries, given our weights, in an environment of their own."""
