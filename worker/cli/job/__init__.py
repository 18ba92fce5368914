"""`deeplab job`: its commands, and what they submit, print and wait for."""
