"""The web page: a client of the wire like any other, served to browsers on this machine."""
