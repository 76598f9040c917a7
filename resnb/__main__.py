"""``python -m resnb``: the command line, where the script's folder is not on the path."""

from resnb.cli.main import main

if __name__ == "__main__":
    main(prog_name="resnb")
