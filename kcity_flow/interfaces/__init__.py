"""How people reach the programme; nothing else imports these."""
