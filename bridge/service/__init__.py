"""The daemon: asyncio around the pipeline, the monitors, the hosts and the API. Nothing here decides what runs."""
