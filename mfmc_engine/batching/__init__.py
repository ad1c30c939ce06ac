"""Several photos at once: their networks in common batches (lockstep), and who is served with whom (queue, front)."""
