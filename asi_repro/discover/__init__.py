"""The discovery loop: sample, propose, check, train, evaluate, judge, analyse, commit. No torch here."""
