"""One on-disk format per file, Scene to text and back: `native`, `tusimple`, `culane`, `bdd100k`, ... ."""
