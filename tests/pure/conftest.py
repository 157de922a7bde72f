"""How Hypothesis runs here: no test depends on how fast the machine is. In CI its own profile fixes the seed."""

from hypothesis import settings

settings.register_profile("hwbridge", settings(), deadline=None)
settings.load_profile("hwbridge")
