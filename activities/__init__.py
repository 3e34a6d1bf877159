"""What workflows have done outside: each is safe to run twice, and its docstring says why."""
