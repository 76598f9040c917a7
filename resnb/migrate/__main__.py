"""``python -m resnb.migrate FILE...``, the same as ``resnb migrate``."""

from resnb.migrate.command import migrate

if __name__ == "__main__":
    migrate(prog_name="resnb.migrate")
