"""How a machine is reached and how software lives on it."""
