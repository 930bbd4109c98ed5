"""The tabs of the experiment view, each imported when it is first opened."""
