"""What trainings and evaluations leave behind, and what they say when they are compared. No torch here."""
