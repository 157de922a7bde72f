"""Why rules do not raise, and what came closest. Nothing here decides whether one does."""
