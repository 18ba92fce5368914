"""`deeplab dataset`: a module per command."""
