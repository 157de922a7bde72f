"""What is legal in rules and tasks and surely wrong. Nothing here refuses a rule."""
