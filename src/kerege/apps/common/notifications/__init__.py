"""Notifications: e-mail and SMS in a person's language, sent by a job that tries again.

    notify(EMAIL, "someone@example.kg", "case-news", {"number": "17"}, language="ky")

An SMS can be read on a locked phone: texts name no person and no matter, only a number.
"""
