"""TOML as people write it: where each key stands, and what is wrong with it. No file is opened here."""
