"""Documents: what people bring, judged by content, scanned, kept under opaque names.

    document = store(request.FILES["deed"], actor=request.user, office=office)

Not encrypted one by one: the portal's folder lies on an encrypted disk or it does not,
and a key beside the files would protect nothing. Backups are encrypted.
"""
