"""One reconcile of one pipeline: what is due, apply, finalize, requeue, write the status."""
