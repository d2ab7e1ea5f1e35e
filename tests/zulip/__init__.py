"""Zulip's live route, its recipes, and in test_requirements which test holds which of the 25 requirements."""
