"""One class per simulator behind one protocol (see ``base``)."""
