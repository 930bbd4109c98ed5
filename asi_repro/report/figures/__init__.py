"""One module a figure: a function that works out its numbers, and one that draws them."""
