"""What is put to a language model: one file per task, text only."""
