"""What a result was made from: the code it depends on, read from the imports, and the record beside it."""
