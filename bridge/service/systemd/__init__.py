"""At home with systemd where it is there: its words on sockets, by hand. Nothing here needs systemd to be there."""
