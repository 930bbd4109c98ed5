# EVOLVE-BLOCK-START
seed = 3


def guess():
    return 3.5  # écart
# EVOLVE-BLOCK-END
