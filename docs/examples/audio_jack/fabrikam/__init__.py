"""The background tasks of Fabrikam's application."""
