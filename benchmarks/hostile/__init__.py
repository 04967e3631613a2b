"""What nobody should send, made up: texts, locales, options, whole messages and connections."""
