"""The page: what the command line shows and does with runs, for a browser. It decides nothing of its own."""
