"""Training our own face swapper on faces of nobody (extra ``[train]``; METHOD in docs/training.md).

dataset.py   portraits -> one file of aligned crops that travels
augment.py   studio portraits -> photos as they come: light, blur, grain, turned heads, things in front
pairs.py     mesh-like swaps of two portraits, the early supervision
network.py   target crop + identity -> swapped crop + mask
critic.py    the network that tells real crops from swapped ones; its layers also compare pictures
losses.py    what a swap should be
run.py       the loop: resumable, deterministic, bounded in time
validate.py  the score that picks the weights
"""
