"""The command line's subcommands: each module has ``HELP``, ``add_arguments(parser)`` and ``run(arguments) -> int``."""
