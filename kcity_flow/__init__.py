"""The yearly season of the K-City Network: Global Cooperation Program, kept by Temporal."""

__version__ = "0.1.0"
