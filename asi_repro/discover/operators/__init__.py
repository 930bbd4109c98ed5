"""The control arm's operators on programs: evolution of real source code with no language model.

Programs are edited as source, through their syntax trees; nothing here executes one or imports torch.
"""
