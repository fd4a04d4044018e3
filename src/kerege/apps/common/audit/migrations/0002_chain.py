"""Chains the entries, those that are there already too, in their order."""

import hashlib
import json
from datetime import UTC
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.state import StateApps

GENESIS = "0" * 64


def chain(apps: StateApps, schema_editor: object) -> None:
    """Put all entries in one lane; what is hashed is told in `audit.chain`."""
    del schema_editor
    entries = apps.get_model("audit", "Entry").objects.order_by("pk")
    if not entries.exists():
        return
    lane = apps.get_model("audit", "Lane").objects.create()
    sequence, previous = 0, GENESIS
    for entry in entries.iterator(chunk_size=1000):
        sequence += 1
        digest = _hash(lane.pk, sequence, previous, entry)
        apps.get_model("audit", "Entry").objects.filter(pk=entry.pk).update(
            lane=lane, sequence=sequence, previous=previous, hash=digest
        )
        previous = digest
    lane.sequence, lane.hash = sequence, previous
    lane.save()


def _hash(lane: int, sequence: int, previous: str, entry: Any) -> str:  # noqa: ANN401
    time = entry.recorded_at.astimezone(UTC).replace(tzinfo=None)
    values = {
        "version": 1,
        "lane": lane,
        "sequence": sequence,
        "previous": previous,
        "recorded_at": time.isoformat(timespec="microseconds") + "Z",
        "actor": entry.actor_id,
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome,
        "details": entry.details,
    }
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Lane",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("sequence", models.BigIntegerField(default=0)),
                ("hash", models.CharField(default="0" * 64, max_length=64)),
            ],
        ),
        migrations.AddField(
            "entry",
            "lane",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="audit.lane",
            ),
        ),
        migrations.AddField("entry", "sequence", models.BigIntegerField(null=True)),
        migrations.AddField(
            "entry", "previous", models.CharField(default="", max_length=64)
        ),
        migrations.AddField(
            "entry", "hash", models.CharField(default="", max_length=64)
        ),
        migrations.AlterField(
            "entry",
            "subject",
            models.CharField(blank=True, db_index=True, max_length=80),
        ),
        migrations.RunPython(chain, migrations.RunPython.noop),
        migrations.AddConstraint(
            "entry",
            models.UniqueConstraint(fields=("lane", "sequence"), name="audit_once"),
        ),
    ]
