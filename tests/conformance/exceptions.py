"""Rows of the table of expected verdicts that are not tested as all the others are."""

NOT_AS_TOLD = {
    "asice/attachments.asice (no test)": (
        "its message is not named message.xml: the reference's reader refuses it as "
        "ours does, and the row says not to use it as a verdict"
    ),
}
"""Rows whose verdict is not ours, with the reason."""

BY_ITSELF = {
    "proxy-testsuite/AttachmentBig": (
        "tests/conformance/test_proxy_suite_big_attachment.py::test_big_attachment"
    ),
}
"""Rows with a test of another name than theirs."""
