"""One function a claim; each module holds the claims of one topic."""
