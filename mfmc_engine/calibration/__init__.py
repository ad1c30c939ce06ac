"""Where the guarantee's numbers come from, and whether it holds: measurements on ../shared/data, rerun by hand."""
