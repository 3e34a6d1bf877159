"""Proofs from the histories: the register made again from them, and the workflow code replayed over them."""
