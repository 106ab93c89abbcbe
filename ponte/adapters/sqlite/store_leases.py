"""Leases and named values in SQLite.

No lease outlives a power failure, which ends every process that could hold one: their writes do not wait
for the disk.
"""

from __future__ import annotations

from ponte.adapters.sqlite.store_rows import Part, first
from ponte.errors import LeaseLost
from ponte.ports import Lease

# The token is at least the time, so that it grows even after the row was pruned.
ACQUIRE = """
    INSERT INTO leases (key, owner, token, expires_at) VALUES (:key, :owner, :now, :expires_at)
    ON CONFLICT (key) DO UPDATE SET
        owner = excluded.owner, token = max(token + 1, excluded.token), expires_at = excluded.expires_at
        WHERE owner IS NULL OR owner = excluded.owner OR expires_at <= :now
    RETURNING token
"""
RENEW = """
    UPDATE leases SET expires_at = :expires_at WHERE key = :key AND owner = :owner AND token = :token
"""
RELEASE = "UPDATE leases SET owner = NULL WHERE key = :key AND owner = :owner AND token = :token"
GET = "SELECT value FROM named_values WHERE name = :name"
SET = """
    INSERT INTO named_values (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


class SqliteLeases(Part):
    """``ponte.ports.LeaseStore``."""

    async def acquire(self, key: str, owner: str, now: int, ttl_ms: int) -> Lease | None:
        """Take the lease if it is free, expired or the owner's already, see the port."""
        expires_at = now + ttl_ms
        values = {"key": key, "owner": owner, "now": now, "expires_at": expires_at}
        rows = await self._engine.write(lambda db: db.execute(ACQUIRE, values).fetchall(), durable=False)
        return Lease(key, owner, rows[0][0], expires_at) if rows else None

    async def renew(self, lease: Lease, now: int, ttl_ms: int) -> Lease:
        """Prolong a lease. Raises LeaseLost."""
        renewed = Lease(lease.key, lease.owner, lease.token, now + ttl_ms)
        values = {
            "key": lease.key,
            "owner": lease.owner,
            "token": lease.token,
            "expires_at": renewed.expires_at,
        }
        if await self._engine.write(lambda db: db.execute(RENEW, values).rowcount, durable=False) == 0:
            raise LeaseLost(f"The lease {lease.key} is no longer held with token {lease.token}.")
        return renewed

    async def release_lease(self, lease: Lease) -> None:
        """Give a lease back, see the port."""
        values = {"key": lease.key, "owner": lease.owner, "token": lease.token}
        await self._engine.write(lambda db: db.execute(RELEASE, values).rowcount, durable=False)

    async def get_value(self, name: str) -> str | None:
        """Return a small value kept by name."""
        row = await self._engine.look(lambda db: first(db, GET, {"name": name}))
        return None if row is None else row[0]

    async def set_value(self, name: str, value: str) -> None:
        """Keep a small value by name."""
        values = {"name": name, "value": value}
        await self._engine.write(lambda db: db.execute(SET, values).rowcount)
