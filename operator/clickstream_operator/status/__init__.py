"""What a reconcile means for the status: conditions, reasons, Events. Pure."""
