"""The command line, `shelfsense`: arguments in, printed answers out; what they mean is decided below it."""
