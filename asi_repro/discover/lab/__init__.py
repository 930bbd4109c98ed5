"""Where programs are trained, scored and checked: live, on a cluster, or from recorded results."""
