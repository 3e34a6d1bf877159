"""What Temporal keeps: one workflow for each application, one for each edition."""
