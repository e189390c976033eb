"""What people and programs see of a run; no decision is taken here."""
