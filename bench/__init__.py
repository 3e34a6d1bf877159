"""What the programme costs beside a bare Temporal workflow that does as many updates, in the same run."""
