"""One function a question; each module holds the questions of one theme."""
