"""Backups of a portal: everything that is needed to go on elsewhere, in one file.

The file is sealed (`sealed`) and holds a tar archive, in this order: the head of the
audit log, the database, settings and keys, documents. The log only grows and a document
is on the disk before its row is in the database, so what comes later has at least what
came before: the copy is whole although the site goes on working.
"""

HEAD = "audit-head.json"
DOCUMENTS = "documents"
"""The folder of documents, in the portal's."""
