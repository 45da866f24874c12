"""Measurements of the project itself: each prints what it measured here and now, and none is a test.

- `sandbox`: what isolation costs.
"""
