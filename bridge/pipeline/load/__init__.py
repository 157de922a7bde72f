"""From tasks files, and from what callers of the API say, to registrations. Nothing here opens a file."""
