"""Every number of the engine, with its unit and where it comes from."""
