"""Modules that several benchmark scripts share."""
