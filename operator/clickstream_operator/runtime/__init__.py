"""The process around the reconciler: watch, work queue, workers, prerequisites."""
