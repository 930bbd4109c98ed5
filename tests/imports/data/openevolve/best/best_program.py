# EVOLVE-BLOCK-START
seed = 7


def guess():
    return 1 / 0  # écart
# EVOLVE-BLOCK-END
