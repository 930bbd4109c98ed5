"""A recorded run gone through again, experiment by experiment, with its policy audited at each. No torch."""
