"""For tests, ours and a user's: the replay driver and what it prints. Nothing here touches a device."""
