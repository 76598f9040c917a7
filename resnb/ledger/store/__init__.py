"""The durable record of leases: the SQLite file, its columns, its recovery, its folder."""
