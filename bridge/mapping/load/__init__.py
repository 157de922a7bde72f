"""From rules files to rules and what stands beside them, with every error. Nothing here opens a file."""
