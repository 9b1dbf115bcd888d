"""Whom does the network hurt: how it treats groups of people, whether groups fare worse, and what evens it out."""
